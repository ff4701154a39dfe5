-- control.lua - the payloads of the core's control packages (docs/wire.md, 5).
local M, names = ...
if not M then return end -- Wireshark loads every file of its folder: alone this one is nothing

local need, NUMBER_MAX, U32, WINDOW = M.need, M.NUMBER_MAX, 2 ^ 32, 4096

local function number_ok(value, what)
    need(value >= 1 and value <= NUMBER_MAX, what .. " is 1 to 2^53 - 1")
    return value
end

local function read_open(r, kind)
    need(r:left() <= 1024, "it is longer than a payload")
    need(r:u64("open.mine") ~= 0, "its author has no number")
    need(r:u64("open.yours") ~= 0 or kind == "OPEN1", "the other end has no number")
    if kind ~= "OPEN1" then need(r:uint("open.alone", 4) <= 600000, "alone for more than ten minutes") end
    r:bytes("open.handshake", r:left())
end

local function range_text(first, last)
    return first == last and ("%.0f"):format(first) or ("%.0f to %.0f"):format(first, last)
end

local function read_ask(r)
    need(r:uint("ask.channel", 1) < 64, "channels are 0 to 63")
    local from, free_at = number_ok(r:u64("ask.from"), "from"), 0
    local count = r:take(1, "the count of bars"):uint()
    need(count <= 128, "more than 128 bars")
    for _ = 1, count do
        local range = r:take(4, "a bar")
        local at, size = range(0, 2):uint(), range(2, 2):uint()
        need(at >= free_at and size > 0 and at + size <= WINDOW, "a bar that falls, overlaps, or is behind the window")
        need(at + size - 1 <= NUMBER_MAX - from, "a bar behind the last number")
        r:put("ask.bar", range, range_text(from + at, from + at + size - 1))
        free_at = at + size
    end
    need(r:left() == 0, "something follows")
end

local function read_acks(r)
    local count = r:take(1, "the count of ranges"):uint()
    if count == 0 then return end
    need(count <= 32, "more than 32 ranges")
    local largest = r:take(8, "the largest packet")
    local last, first = number_ok(largest(0, 4):uint() * U32 + largest(4, 4):uint(), "a packet"), nil
    r:uint("state.delay", 4)
    for i = 1, count do
        local from = r.at
        if i > 1 then last = first - r:varint("a gap") - 2 end
        first = last - r:varint("a range")
        need(first >= 1 and first <= last, "a range below 1")
        r:put("state.ack", r.tvb(from, r.at - from), range_text(first, last))
    end
end

local function read_state(r)
    read_acks(r)
    r:u64("state.credit")
    local channel = r:uint("state.channel", 1)
    if channel ~= 255 then
        need(channel < 64, "channels are 0 to 63, and 255 for none")
        local from, total = number_ok(r:u64("state.from"), "from"), 0
        local count = r:take(1, "the count of runs"):uint()
        need(count <= 64, "more than 64 runs")
        for _ = 1, count do
            local range = r:take(2, "a run")
            local size = range:uint() % 0x4000
            total = total + size
            need(size > 0 and total <= WINDOW, "runs have 1 to 4,096 numbers, and all together")
            r:put("state.run", range, size .. " " .. names.runs[math.floor(range:uint() / 0x4000)])
        end
        need(total - 1 <= NUMBER_MAX - from, "a run behind the last number")
    end
    need(r:left() == 0, "something follows")
end

local function read_hop(r)
    number_ok(r:u64("hop.packet"), "a packet")
    need(r:uint("hop.place", 1) > 0, "place 0")
    local fate = r:uint("hop.fate", 1)
    need(names.fates[fate], "a fate that there is not")
    if fate == 0 or fate >= 4 then
        r:id("hop.next")
    else
        need(r:short("next") == "", "a next hop where there is none")
    end
    r:u64("hop.session")
    r:u64("hop.wall")
    r:uint("hop.delay", 4)
    need(r:left() == 0, "something follows")
end

-- The payload of a whole control package of that kind, a word.
local function read_control(r, kind)
    if kind == "OPEN1" or kind == "OPEN2" or kind == "OPEN3" then read_open(r, kind)
    elseif kind == "ASK" then read_ask(r)
    elseif kind == "STATE" then read_state(r)
    elseif kind == "TRACE_HOP" then read_hop(r)
    elseif kind == "ECHO" then
        r:u64("echo.nonce")
        need(r:left() == 0, "something follows")
    elseif kind == "TRACE" then
        if r:left() >= 8 then r:u64("echo.nonce") end -- nobody reads it
    elseif kind == "ECHO_REPLY" then
        r:u64("echo.nonce")
        r:uint("echo.hops", 1)
    elseif kind == "ERROR" then
        r:u64("error.packet")
        need(names.reasons_of_error[r:uint("error.reason", 1)], "a reason that there is not")
        r:id("error.dst")
    end
end

return read_control
