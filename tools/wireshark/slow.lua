-- slow.lua - a Wireshark dissector of what Slow says on the wire, as docs/wire.md has it; tested with tshark 4.0:
--
--     tshark -X lua_script:tools/wireshark/slow.lua -r mesh.pcapng
--
-- or for good, with the folder slow/ beside it, in the folder "Personal Lua Plugins" of Wireshark's Help > About > Folders.
--
-- It is a third reader of the wire beside the routers and tests/support/decoder.py, and is held against the same vectors
-- (tests/dissector_test.sh). It refuses what they refuse: such bytes get an expert info (slowmesh.malformed) at the place where
-- reading ended, and what stood in front of that place is shown. A reader here is a cursor that calls refuse(), which is caught
-- where a frame, a package or a message begins. Everything else that could go wrong is a fault of this file, is not caught, and
-- is shown by Wireshark as a Lua error; the test looks for those in hostile bytes.
--
-- What a frame does not say itself is remembered from frames before it: an opening says who is at both ends, in which codec
-- they speak, what their protocols' numbers are, and whether all that follows is sealed. Datagrams are found by the index that
-- they bear, streams by their ports. Where a capture begins in the middle of a link, each of these is told from the bytes where
-- they leave no doubt: a probe without security has another size than one with it, Protocol Buffers begin with 0d and JSON with
-- a bracket, and a routing message that only one strategy can read is its. What is remembered has the number of the frame from
-- which on it holds, since Wireshark shows frames again in any order.
--
-- A capture of a loopback interface, or of one with segmentation offload, has trains: frames of one size, one behind the other,
-- in one datagram that was never sent as such (UDP_SEGMENT). Nothing says their size. But each begins like the one before but
-- for a counter that is one more, 15 bytes that are otherwise not there: so they are cut where those are.
--
-- Slow has no port of its own. Beside the ports of the preference (those of the README), what opens a link is known by its
-- shape: an INIT is padded to 1,200 bytes with zeros. A link that was open before is known by a probe, which is there every
-- second. For anything else there is "Decode As".
local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""

local function part(name, ...)
    return assert(loadfile(here .. "slow/" .. name .. ".lua"))(...)
end

local slow = Proto("slowmesh", "Slow mesh router")
local what, M = part("fields")(), part("reader")
local names = what.names
M.fields, M.experts = what.fields, what.experts
slow.fields, slow.experts = what.fields, what.experts
local opening, strategies = part("opening", slow, M), part("routing", slow, M, names)
local packages = part("packages", slow, M, names, part("json", M), part("control", M, names))
local need, try = M.need, M.try
local PLAIN_TAG, DATAGRAM_HEADER = 8, 16

-- ---- what was heard before

-- Each is a list by a key. links: by the address and the index of an end, or by both addresses of a stream. lists of protocols,
-- by their author. handles of distance-vector, by author, reader, channel and number.
local links, lists, handles

local function forget()
    links, lists, handles = {}, {}, {}
end
slow.init = forget
forget()

local function place_from(pinfo)
    return tostring(pinfo.src) .. ":" .. pinfo.src_port
end

local function place_to(pinfo)
    return tostring(pinfo.dst) .. ":" .. pinfo.dst_port
end

-- What was remembered last, at this frame.
local function as_of(list, pinfo)
    for i = #(list or {}), 1, -1 do
        if list[i].from <= pinfo.number then return list[i].value end
    end
    return nil
end

local function remember(all, key, pinfo, value)
    all[key] = all[key] or {}
    table.insert(all[key], {from = pinfo.number, value = value})
    return value
end

local function is_stream(pinfo)
    return pinfo.port_type == 2
end

local function stream_key(pinfo)
    local a, b = place_from(pinfo), place_to(pinfo)
    return a < b and a .. " " .. b or b .. " " .. a
end

-- The link of a frame to `index`; one of which nothing is known is made up. `ends` has claims, by address.
local function link_to(pinfo, index)
    local key = is_stream(pinfo) and stream_key(pinfo) or place_to(pinfo) .. "/" .. index
    return as_of(links[key], pinfo) or remember(links, key, pinfo, {ends = {}})
end

-- An end has said its index; a connection opens once, and a datagram's INIT is repeated.
local function link_named(pinfo, index, link)
    local key = is_stream(pinfo) and stream_key(pinfo) or place_from(pinfo) .. "/" .. index
    local known = as_of(links[key], pinfo)
    if known and (link or pinfo.visited or not is_stream(pinfo)) then return known end
    return remember(links, key, pinfo, link or {ends = {}})
end

local function author_of(link, pinfo)
    return link.ends[place_from(pinfo)]
end

local function reader_of(link, pinfo)
    return link.ends[place_to(pinfo)]
end

-- Of whom a list of protocols is, or a handle: of a junction since its start, or else of an address.
local function key_of(claim, place)
    return claim and claim.id .. "\n" .. claim.start or place
end

local function learn_list(pinfo, key, generation, numbers)
    local newest = as_of(lists[key], pinfo)
    if not newest or newest.generation < generation then
        remember(lists, key, pinfo, {generation = generation, numbers = numbers})
    end
end

-- Of the codecs that both have the first of the lower id's list.
local function codec_of(link)
    local claims = {}
    for _, claim in pairs(link.ends) do claims[#claims + 1] = claim end
    if #claims < 2 then return nil end
    if claims[2].id < claims[1].id then claims[1], claims[2] = claims[2], claims[1] end
    for _, name in ipairs(claims[1].codecs) do
        for _, other in ipairs(claims[2].codecs) do
            if name == other then return name end
        end
    end
    return nil
end

-- ---- the bodies of an open link's frames, where nothing is sealed: each returns a line. c: pinfo, link, author, reader

local bodies = {}

function bodies.PROBE(r)
    local keep, wants = r:uint("probe.keep", 2), r:uint("probe.want", 2)
    for _, name in ipairs({"stamp", "echo", "held"}) do r:uint("probe." .. name, 4) end
    return ("keeps %d ms, wants %d ms"):format(keep, wants)
end

-- What the handles of one author to one reader mean.
local function book_of(c, protocol, epoch)
    local from, to = key_of(c.author, place_from(c.pinfo)), key_of(c.reader, place_to(c.pinfo))
    local place = table.concat({from, to, protocol, epoch, ""}, "\n")
    return {
        bind = function(handle, id) -- not again when Wireshark shows the frame again
            if not c.guessing and as_of(handles[place .. handle], c.pinfo) ~= id then
                remember(handles, place .. handle, c.pinfo, id)
            end
        end,
        find = function(handle) return as_of(handles[place .. handle], c.pinfo) end,
    }
end

-- Of a message whose author's list is not known: the strategy that alone can read it.
local function strategy_guessed(r, c)
    local found
    for name, read in pairs(strategies) do
        local book = book_of({pinfo = c.pinfo, author = c.author, reader = c.reader, guessing = true}, 0, 0)
        if r:left() > 0 and try(read, M.reader(r.tvb, nil, r.at, r.stop), book) then
            if found then return nil end
            found = name
        end
    end
    return found
end

function bodies.ROUTE(r, c)
    local number, epoch = r:uint("route.protocol", 1), r:uint("route.epoch", 1)
    local seq = r:uint("route.seq", 4)
    local list = as_of(lists[key_of(c.author, place_from(c.pinfo))], c.pinfo)
    local name = list and list.numbers[number] or (not list and strategy_guessed(r, c)) or nil
    local size = r:left()
    local range = r:take(size, "the message")
    local text = ("%s epoch %d seq %.0f"):format(name or "protocol " .. number, epoch, seq)
    if not r.tree then
        need(name, "nobody can read this")
        return text
    end
    if name then r.tree:add(M.fields["route.name"], name):set_generated() end
    if size == 0 then return text end
    local branch = r.tree:add(M.fields["route.message"], range)
    local read = strategies[name]
    if not read then
        if not name then branch:add_proto_expert_info(M.experts.unknown, "Nothing says which protocol has that number") end
        return ("%s, %d B"):format(text, size)
    end
    local line = M.attempt(branch, read, M.reader(r.tvb, branch, range:offset(), range:offset() + size), book_of(c, number, epoch))
    return text .. ": " .. (line or "malformed")
end

function bodies.ROUTE_ACK(r, c)
    local number, epoch = r:uint("route.protocol", 1), r:uint("route.epoch", 1)
    local seq = r:uint("route.seq", 4)
    -- the number is its author's, as in a ROUTE
    local list = as_of(lists[key_of(c.author, place_from(c.pinfo))], c.pinfo)
    local name = list and list.numbers[number]
    if name and r.tree then r.tree:add(M.fields["route.name"], name):set_generated() end
    return ("%s epoch %d wants %.0f"):format(name or "protocol " .. number, epoch, seq)
end

function bodies.CLOSE(r)
    local reason = r:left() > 0 and r:uint("close.reason", 1) or 12
    return names.reasons_of_close[reason] or ("reason %d, which counts as 12"):format(reason)
end

function bodies.PROTOCOLS(r, c)
    local generation = r:uint("claim.generation", 4)
    local protocols = r:names("claim.protocol")
    local numbers = r:numbers(protocols)
    if not c.guessing then learn_list(c.pinfo, key_of(c.author, place_from(c.pinfo)), generation, numbers) end
    return ("generation %.0f: %s"):format(generation, table.concat(protocols, " "))
end

function bodies.PROTOCOLS_ACK(r)
    return ("generation %.0f"):format(r:uint("claim.generation", 4))
end

-- The ranges of the packages, and where the reading ended for want of bytes.
local function packages_of(r)
    local ranges = {}
    while r:left() > 0 do
        local from = r.at
        local size = try(r.varint, r, "the size of a package")
        if size == 0 then
            r:put("bundle.padding", r.tvb(from, r.stop - from))
            return ranges
        end
        if not size or size > 65535 or size > r:left() then return ranges, from end
        ranges[#ranges + 1] = r:take(size, "a package")
    end
    return ranges
end

function bodies.BUNDLE(r, c)
    local ranges, cut_at = packages_of(r)
    local codec, lines = codec_of(c.link), {}
    if not r.tree then
        need(not cut_at and #ranges > 0, "this is no bundle")
        return packages.check(ranges[1])
    end
    r.tree:add(M.fields["bundle.packages"], #ranges):set_generated()
    for i, range in ipairs(ranges) do
        local line = packages.show(range, codec, r.tree)
        if i <= 3 then lines[i] = line end
    end
    if cut_at then
        local rest = r.tree:add(M.fields["bundle.rest"], r.tvb(cut_at, r.stop - cut_at))
        rest:add_proto_expert_info(M.experts.malformed, "A package that is longer than what is there, or than 65,535 bytes")
    end
    return (#ranges == 1 and "" or #ranges .. " packages ") .. table.concat(lines, "; ") .. (#ranges > 3 and "; ..." or "")
end

-- ---- frames

-- Bodies whose size is known: without security 8 bytes follow, with it 16.
local SIZES = {PROBE = 16, ROUTE_ACK = 6, PROTOCOLS_ACK = 4, CLOSE = 1}

-- Is this link sealed? nil: that cannot be told from this frame.
local function sealed_guessed(r, kind, c)
    if SIZES[kind] then
        local tag = r:left() - SIZES[kind]
        return tag == 16 or (tag ~= PLAIN_TAG and nil)
    end
    local guess = {pinfo = c.pinfo, link = c.link, author = c.author, reader = c.reader, guessing = true}
    local function read_plain()
        bodies[kind](M.reader(r.tvb, nil, r.at, r.stop - PLAIN_TAG), guess)
        return true
    end
    if try(read_plain) then return false end
    return nil
end

local function read_open(r, kind, pinfo)
    local index
    if not is_stream(pinfo) then
        index = r:uint("frame.index", 4)
        r:u64("frame.counter")
    end
    need(r:left() >= PLAIN_TAG, "too short for its tag")
    local link = link_to(pinfo, index)
    local c = {pinfo = pinfo, link = link, author = author_of(link, pinfo), reader = reader_of(link, pinfo)}
    if c.author then r.tree:add(M.fields["frame.from"], c.author.id):set_generated() end
    if c.reader then r.tree:add(M.fields["frame.to"], c.reader.id):set_generated() end
    if link.sealed == nil then link.sealed = sealed_guessed(r, kind, c) end
    local size = r:left()
    if link.sealed ~= false then
        local item = r.tree:add(M.fields["frame.sealed"], r:take(size, "what is sealed"))
        if link.sealed == nil then item:add_proto_expert_info(M.experts.unknown, "Its link was opened before the capture began") end
        return ("%s %s %d B"):format(kind, link.sealed and "sealed" or "unknown", size)
    end
    local line = bodies[kind](M.reader(r.tvb, r.tree, r.at, r.stop - PLAIN_TAG), c)
    r.at = r.stop - PLAIN_TAG
    r:bytes("frame.tag", PLAIN_TAG)
    return kind .. " " .. line
end

-- An end has shown its claim, or that it seals it.
local function learn_claim(link, pinfo, claim)
    if not claim then
        if link.sealed == nil then link.sealed = true end
        return "sealed"
    end
    link.sealed, link.ends[place_from(pinfo)] = false, claim
    learn_list(pinfo, key_of(claim), claim.generation, claim.numbers)
    local protocols = {}
    for _, name in pairs(claim.numbers) do protocols[#protocols + 1] = name end
    table.sort(protocols)
    return ("%s, codecs %s, protocols %s"):format(claim.id, table.concat(claim.codecs, " "), table.concat(protocols, " "))
end

local openings = {}

function openings.INIT(r, pinfo)
    local index, sealed = opening.init(r, is_stream(pinfo))
    link_named(pinfo, index).sealed = sealed
    return ("INIT index %08x%s"):format(index, sealed and ", sealed" or "")
end

function openings.COOKIE(r)
    return ("COOKIE to index %08x"):format(opening.cookie(r))
end

function openings.RESP(r, pinfo)
    local index, peer_index, claim = opening.resp(r)
    local link = link_to(pinfo, peer_index)
    link_named(pinfo, index, link)
    return ("RESP index %08x: %s"):format(index, learn_claim(link, pinfo, claim))
end

function openings.FIN(r, pinfo)
    local peer_index, claim = opening.fin(r)
    return "FIN " .. learn_claim(link_to(pinfo, peer_index), pinfo, claim)
end

local function read_frame(r, pinfo)
    local kind = names.frames[r:uint("frame.kind", 1)]
    need(kind, "a kind of frame that there is not")
    need(r:take(3, "what is behind the kind"):uint() == 0, "what is behind the kind is not zero")
    if openings[kind] then return openings[kind](r, pinfo) end
    return read_open(r, kind, pinfo)
end

local function show_frame(range, pinfo, tree)
    local tvb, branch = range:tvb(), tree:add(slow, range, "Slow")
    local line = M.attempt(branch, read_frame, M.reader(tvb, branch), pinfo) or "malformed"
    branch:set_text("Slow, " .. line)
    return line
end

-- ---- from the transports

-- Where each frame of a datagram begins, and the size of all but the last.
local function stride_of(tvb)
    local t = tvb:raw()
    if #t < 2 * (DATAGRAM_HEADER + PLAIN_TAG) or t:sub(1, 4) ~= "\9\0\0\0" then return #t end
    local next_counter = t:sub(9, 16):gsub("([^\255])(\255*)$", function(digit, full)
        return string.char(digit:byte() + 1) .. ("\0"):rep(#full)
    end)
    local at = t:find(t:sub(1, 8) .. next_counter, DATAGRAM_HEADER + PLAIN_TAG + 1, true)
    return at and at - 1 or #t
end

local function dissect_datagram(tvb, pinfo, tree)
    local lines, stride = {}, stride_of(tvb)
    if tvb:len() < tvb:reported_len() then
        tree:add(slow, tvb(), "Slow, cut by the capture"):add_proto_expert_info(M.experts.cut)
        pinfo.cols.info = "cut by the capture"
        return tvb:len()
    end
    for at = 0, tvb:len() - 1, stride do
        local size = math.min(stride, tvb:len() - at)
        local line = show_frame(tvb(at, size), pinfo, tree)
        if #lines < 3 then lines[#lines + 1] = line end
    end
    local frames = math.ceil(tvb:len() / stride)
    pinfo.cols.info = (frames > 1 and frames .. " frames: " or "") .. table.concat(lines, " | ") .. (frames > 3 and " | ..." or "")
    return tvb:len()
end

local function dissect_stream(tvb, pinfo, tree)
    local first = true
    local function size_of(segment, _, offset)
        return 2 + segment(offset, 2):uint()
    end
    local function show_record(record)
        local line
        if record:len() == 2 then
            line = "a frame of no bytes, which ends the link"
            local branch = tree:add(slow, record(), "Slow, " .. line)
            branch:add(M.fields["frame.size"], record(0, 2))
            branch:add_proto_expert_info(M.experts.malformed, line)
        else
            tree:add(slow, record(0, 2), "Slow, a record of a stream"):add(M.fields["frame.size"], record(0, 2))
            line = show_frame(record(2), pinfo, tree)
        end
        if first then pinfo.cols.info = line else pinfo.cols.info:append(" | " .. line) end
        first = false
        return record:len()
    end
    dissect_tcp_pdus(tvb, tree, 2, size_of, show_record)
    return tvb:len()
end

function slow.dissector(tvb, pinfo, tree)
    pinfo.cols.protocol = "Slow"
    if is_stream(pinfo) then return dissect_stream(tvb, pinfo, tree) end
    return dissect_datagram(tvb, pinfo, tree)
end

-- All that goes between these two addresses from now on is ours.
local function take(tvb, pinfo, tree)
    pinfo.conversation = slow
    slow.dissector(tvb, pinfo, tree)
    return true
end

-- 16 bytes of probe, and a tag: 7 bytes that have to be zero, and one of two sizes.
local function is_probe(tvb)
    local size = tvb:len()
    return (size == 40 or size == 48) and tvb(0, 4):uint() == 0x05000000 and tvb(4, 4):uint() ~= 0 and
        tvb(8, 3):uint() == 0 and tvb(16, 2):uint() > 0
end

slow:register_heuristic("udp", function(tvb, pinfo, tree)
    return (opening.is_init(tvb, 0) or is_probe(tvb)) and take(tvb, pinfo, tree)
end)

slow:register_heuristic("tcp", function(tvb, pinfo, tree)
    return tvb:len() > 2 and tvb(0, 2):uint() + 2 == tvb:len() and opening.is_init(tvb, 2) and take(tvb, pinfo, tree)
end)

slow.prefs.ports = Pref.range("Ports of UDP and TCP", "4100-4101", "Where Slow listens; it has no port of its own", 65535)

local ports = ""
local function listen()
    for _, name in ipairs({"udp.port", "tcp.port"}) do
        local registered = DissectorTable.get(name)
        if ports ~= "" then registered:remove(ports, slow) end
        if slow.prefs.ports ~= "" then registered:add(slow.prefs.ports, slow) end
    end
    ports = slow.prefs.ports
end
for _, name in ipairs({"udp.port", "tcp.port"}) do DissectorTable.get(name):add_for_decode_as(slow) end
slow.prefs_changed = listen
listen()
