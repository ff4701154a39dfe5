-- json.lua - JSON text where it lies (RFC 8259): where its values begin and end, and whether it is any. Each function returns the
-- place behind what it read; places count from 1, as Lua's do.
local M = ...
if not M then return end -- Wireshark loads every file of its folder: alone this one is nothing

local function json_space(t, at)
    return t:find("[^ \t\r\n]", at) or #t + 1
end

local function json_string(t, at)
    M.need(t:sub(at, at) == '"', "a string is missing")
    at = at + 1
    while true do
        local c = t:sub(at, at)
        M.need(c ~= "" and c:byte() >= 0x20, "a string without an end")
        if c == '"' then return at + 1 end
        if c ~= "\\" then
            at = t:find('["\\\0-\31]', at) or #t + 1
        elseif t:find("^u[dD][89abAB]%x%x\\u[dD][c-fC-F]%x%x", at + 1) then
            at = at + 12
        elseif t:find("^u%x%x%x%x", at + 1) then
            M.need(not t:find("^[dD][89a-fA-F]", at + 2), "a surrogate alone")
            at = at + 6
        else
            M.need(t:find('^["\\/bfnrt]', at + 1), "an escape that is none")
            at = at + 2
        end
    end
end

local function json_number(t, at)
    local from = t:match("^%-?()", at)
    local behind = t:match("^0()", from) or t:match("^[1-9]%d*()", from)
    M.need(behind, "a value is missing")
    if t:find("^%.", behind) then
        behind = t:match("^%.%d+()", behind)
        M.need(behind, "a number that ends with its point")
    end
    if t:find("^[eE]", behind) then
        behind = t:match("^[eE][+-]?%d+()", behind)
        M.need(behind, "a number without its exponent")
    end
    M.need(math.abs(tonumber(t:sub(at, behind - 1))) < math.huge, "a number beyond any double")
    return behind
end

local ESCAPES = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

local function json_unescaped(raw)
    raw = raw:gsub("\\u(%x%x%x%x)\\u(%x%x%x%x)", function(a, b)
        local high, low = tonumber(a, 16), tonumber(b, 16)
        if high < 0xd800 or high > 0xdbff or low < 0xdc00 or low > 0xdfff then return nil end
        return M.utf8_of(0x10000 + (high - 0xd800) * 0x400 + low - 0xdc00)
    end)
    return (raw:gsub("\\(.)(%x?%x?%x?%x?)", function(c, digits)
        if c == "u" then return M.utf8_of(tonumber(digits, 16)) end
        return (ESCAPES[c] or c) .. digits
    end))
end

local json_value

-- What stands between brackets: member(key, from, behind) is called for each, with a key in objects.
local function json_list(t, at, depth, member)
    local closing, seen = t:sub(at, at) == "{" and "}" or "]", {}
    M.need(depth > 0, "more than 64 arrays and objects one in the other")
    at = json_space(t, at + 1)
    if t:sub(at, at) == closing then return at + 1 end
    while true do
        local key
        if closing == "}" then
            local behind = json_string(t, at)
            key, at = t:sub(at + 1, behind - 2), json_space(t, behind)
            local meant = json_unescaped(key)
            M.need(not seen[meant] and not meant:find("\0", 1, true), "a key that stands twice, or has a character 0")
            seen[meant] = true
            M.need(t:sub(at, at) == ":", "a colon is missing")
            at = json_space(t, at + 1)
        end
        local behind = json_value(t, at, depth - 1)
        if member then member(key, at, behind) end
        at = json_space(t, behind)
        local c = t:sub(at, at)
        if c == closing then return at + 1 end
        M.need(c == ",", "a comma or a bracket is missing")
        at = json_space(t, at + 1)
    end
end

function json_value(t, at, depth)
    local c = t:sub(at, at)
    if c == "{" or c == "[" then return json_list(t, at, depth) end
    if c == '"' then return json_string(t, at) end
    return t:match("^true()", at) or t:match("^false()", at) or t:match("^null()", at) or json_number(t, at)
end

return {space = json_space, list = json_list, unescaped = json_unescaped}
