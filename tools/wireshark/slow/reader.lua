-- reader.lua - a cursor in a Tvb that puts what it reads into a tree, where there is one, and what is refused on the way: texts
-- that are no ids, and base64. Nothing is read that is not there; who meets what cannot be calls refuse(), and attempt() catches
-- that, and only that.
local M = {fields = nil, experts = nil} -- of fields.lua: slow.lua sets them
local U32 = 2 ^ 32
M.NUMBER_MAX = 2 ^ 53 - 1

-- ---- refusing

function M.refuse(what)
    error({refused = what})
end

function M.need(holds, what)
    if not holds then M.refuse(what) end
end

-- f(...), and what it returned; nil, and an expert info at `tree`, where it refused.
function M.attempt(tree, f, ...)
    local results = table.pack(pcall(f, ...))
    if results[1] then return table.unpack(results, 2, results.n) end
    local why = results[2]
    if type(why) ~= "table" or not why.refused then error(why, 0) end
    if tree then tree:add_proto_expert_info(M.experts.malformed, why.refused) end
    return nil
end

-- f(...) without a word: for guesses.
function M.try(f, ...)
    return M.attempt(nil, f, ...)
end

-- ---- texts

-- Well-formed UTF-8 (Unicode 15, table 3-7).
function M.is_utf8(bytes)
    local at = 1
    while at <= #bytes do
        local lead = bytes:byte(at)
        local size = lead < 0x80 and 1 or lead < 0xc2 and 0 or lead < 0xe0 and 2 or lead < 0xf0 and 3 or lead < 0xf5 and 4 or 0
        local second = size > 1 and bytes:byte(at + 1) or 0x80
        if size == 0 or at + size - 1 > #bytes then return false end
        if #bytes:match("^[\x80-\xbf]*", at + 1) < size - 1 then return false end
        if (lead == 0xe0 and second < 0xa0) or (lead == 0xed and second > 0x9f) or
            (lead == 0xf0 and second < 0x90) or (lead == 0xf4 and second > 0x8f) then
            return false
        end
        at = at + size
    end
    return true
end

-- Of no control characters, as an id is.
local function is_text(bytes)
    return M.is_utf8(bytes) and not bytes:find("[\0-\31\127]") and not bytes:find("\xc2[\x80-\x9f]")
end

function M.id_of(bytes, what)
    M.need(#bytes >= 1 and #bytes <= 63, what .. " has 1 to 63 bytes")
    M.need(is_text(bytes), what .. " is UTF-8 without control characters")
    return bytes
end

function M.utf8_of(code)
    local function more(shift)
        return string.char(0x80 + math.floor(code / shift) % 0x40)
    end
    if code < 0x80 then return string.char(code) end
    if code < 0x800 then return string.char(0xc0 + math.floor(code / 0x40)) .. more(1) end
    if code < 0x10000 then return string.char(0xe0 + math.floor(code / 0x1000)) .. more(0x40) .. more(1) end
    return string.char(0xf0 + math.floor(code / 0x40000)) .. more(0x1000) .. more(0x40) .. more(1)
end

local DIGITS = {}
for i = 1, 64 do
    DIGITS[("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):byte(i)] = i - 1
end

-- RFC 4648, 4, with all its padding.
function M.base64_of(text, what)
    local digits, padding = text:match("^([A-Za-z0-9+/]*)(=?=?)$")
    M.need(digits and #text % 4 == 0 and (#padding == 0 or #digits > 0), what .. " is not base64")
    local out, bits, count = {}, 0, 0
    for i = 1, #digits do
        bits, count = bits % 2 ^ 12 * 64 + DIGITS[digits:byte(i)], count + 6
        if count >= 8 then
            count = count - 8
            out[#out + 1] = string.char(math.floor(bits / 2 ^ count) % 256)
        end
    end
    M.need(bits % 2 ^ count == 0, what .. " is not base64: bits behind its end")
    return table.concat(out)
end

function M.u64(number)
    return UInt64.new(number % U32, math.floor(number / U32))
end

-- ---- the reader: a cursor in a Tvb that puts what it reads into a tree, where there is one

local Reader = {}
Reader.__index = Reader

-- Over a whole Tvb, or a part of it; nil is one of no bytes.
function M.reader(tvb, tree, at, stop)
    return setmetatable({tvb = tvb, at = at or 0, stop = stop or (tvb and tvb:len() or 0), tree = tree}, Reader)
end

function Reader:left()
    return self.stop - self.at
end

function Reader:take(size, what)
    M.need(size <= self:left(), "it ends in " .. what)
    self.at = self.at + size
    return self.tvb(self.at - size, size)
end

function Reader:put(name, range, value)
    if not self.tree then return nil end
    if value == nil then return self.tree:add(M.fields[name], range) end
    return self.tree:add(M.fields[name], range, value)
end

-- An unsigned number of up to 4 bytes.
function Reader:uint(name, size)
    local range = self:take(size, name)
    self:put(name, range)
    return range:uint()
end

-- Of 8 bytes: exact to 2^53; and its range.
function Reader:u64(name)
    local range = self:take(8, name)
    self:put(name, range)
    return range(0, 4):uint() * U32 + range(4, 4):uint(), range
end

-- Returns the bytes, as a string of Lua's.
function Reader:bytes(name, size)
    local range = self:take(size, name)
    if size == 0 then return "" end
    self:put(name, range)
    return range:raw()
end

-- Returns it and its range, and shows nothing.
function Reader:varint(what)
    local from, value, scale = self.at, 0, 1
    for count = 1, 10 do
        local byte = self:take(1, what):uint()
        M.need(count < 10 or byte <= 1, what .. " is a varint above 64 bits")
        value, scale = value + byte % 128 * scale, scale * 128
        if byte < 128 then return value, self.tvb(from, self.at - from) end
    end
    M.refuse(what .. " is a varint of more than 10 bytes")
end

-- A length in one byte, then that many bytes; returns them and their range, and shows nothing.
function Reader:short(what)
    local size = self:take(1, what):uint()
    local range = self:take(size, what)
    return size > 0 and range:raw() or "", range
end

function Reader:id(name)
    local bytes, range = self:short(name)
    self:put(name, range, M.id_of(bytes, name))
    return bytes
end

function Reader:name(name, longest)
    local bytes, range = self:short(name)
    local ok = #bytes >= 1 and #bytes <= longest and bytes:find("^[\x21-\x7e]+$")
    M.need(ok, name .. " is 1 to " .. longest .. " printable characters")
    self:put(name, range, bytes)
    return bytes
end

function Reader:names(name)
    local names, count = {}, self:take(1, name):uint()
    M.need(count <= 8, "more than 8 names")
    for i = 1, count do names[i] = self:name(name, 31) end
    return names
end

-- The numbers of protocols: no number and no name twice.
function Reader:numbers(names)
    local numbers, seen = {}, {}
    for _, name in ipairs(names) do
        local number = self:uint("claim.number", 1)
        M.need(not seen[name] and not seen[number], "a protocol or a number that stands twice")
        seen[name], seen[number], numbers[number] = true, true, name
    end
    return numbers
end

return M
