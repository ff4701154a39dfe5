-- packages.lua - a package in each codec, to {from, to, type, hops, ..., size}: docs/wire.md, 4. The payload is in `payload`, a Tvb,
-- or in `bytes`, where it was in base64; in neither if it is empty.
local slow, M, names, json, read_control = ...
if not M then return end -- Wireshark loads every file of its folder: alone this one is nothing

local need, refuse, id_of, base64_of, u64 = M.need, M.refuse, M.id_of, M.base64_of, M.u64
local NUMBER_MAX, U32 = M.NUMBER_MAX, 2 ^ 32

local function check_package(p)
    need(p.type >= 1 and p.type <= 4, "types are 1 to 4")
    need(p.priority < 12 and p.hop_limit >= 1 and p.hops >= 1, "priorities are 0 to 11, hops and their limit 1 to 255")
    if p.type == 4 then
        need(p.kind + p.channel + p.message + p.offset + p.total == 0, "a sealed package shows something of its inside")
        need(p.size <= 1088, "a sealed payload has at most 1,088 bytes")
        return p
    end
    need(p.kind == 0 or p.type == 3, "a kind, and no control package")
    need(p.channel < 64, "channels are 0 to 63")
    need(p.size <= 1024, "a payload has at most 1,024 bytes")
    need(p.offset + p.size <= p.total, "a payload outside of its message")
    return p
end

local ROUTING = {{1, 5, "head", U32}, {2, 2, "to", 63}, {3, 2, "from", 63}, {4, 1, "session"}, {5, 0, "packet", NUMBER_MAX},
    {6, 0, "flags", 65535}, {7, 2, "hint", 64}}
local MESSAGE = {[8] = {"kind", 65535}, [9] = {"channel", 255}, [10] = {"message", NUMBER_MAX}, [11] = {"offset", U32 - 1},
    [12] = {"total", U32 - 1}, [13] = {"payload", 1088}}
local LARGE = {packet = true, message = true, session = true}

local function put_number(r, name, range, value)
    r:put("package." .. name, range, LARGE[name] and u64(value) or value)
end

local function protobuf_head(r, p)
    local range = r:take(4, "head")
    p.hops, p.hop_limit, p.type, p.priority = range(0, 1):uint(), range(1, 1):uint(), range(2, 1):uint(), range(3, 1):uint()
    for i, name in ipairs({"hops", "hop_limit", "type", "priority"}) do r:put("package." .. name, range(i - 1, 1)) end
end

local function protobuf_bytes(r, name, most)
    local size = r:varint(name)
    need(size <= most, name .. " has at most " .. most .. " bytes")
    return r:take(size, name)
end

local function protobuf_routing(r, p)
    for _, field in ipairs(ROUTING) do
        local number, wire, name, most = field[1], field[2], field[3], field[4]
        if r:left() > 0 and r.tvb(r.at, 1):uint() == number * 8 + wire then
            r:take(1, name)
            if name == "head" then
                protobuf_head(r, p)
            elseif name == "session" then
                local range = r:take(8, name)
                if r.tree then r.tree:add_le(M.fields["package.session"], range) end
            elseif wire == 0 then
                local value, range = r:varint(name)
                need(value <= most, name .. " is too large")
                p[name] = value
                put_number(r, name, range, value)
            else
                local range = protobuf_bytes(r, name, most)
                p[name] = range:len() > 0 and range:raw() or ""
                if name == "hint" then r:put("package.hint", range)
                else r:put("package." .. name, range, id_of(p[name], name)) end
            end
        end
        need(number > 3 or (number == 1 and p.hops) or p[name], "a package without " .. name)
    end
end

local function protobuf_skip(r, wire)
    if wire == 0 then r:varint("a field that we do not know")
    elseif wire == 1 or wire == 5 then r:take(wire == 1 and 8 or 4, "a field that we do not know")
    elseif wire == 2 then protobuf_bytes(r, "a field that we do not know", 65535)
    else refuse("a group") end
end

local function protobuf_rest(r, p)
    local seen, unknown = {}, 0
    while r:left() > 0 do
        local tag, tag_range = r:varint("a tag")
        local number, wire = math.floor(tag / 8), tag % 8
        local known = MESSAGE[number]
        need(tag < U32 and number > 0 and tag_range:len() <= 5, "a tag that is none")
        need(number > 7 and not seen[number], "a field at the wrong place, or twice")
        need(not known or wire == (number == 13 and 2 or 0), "a field of another type")
        if not known then
            unknown = unknown + 1
            need(unknown <= 1024, "more than 1,024 fields that we do not know")
            protobuf_skip(r, wire)
        elseif number == 13 then
            local range = protobuf_bytes(r, "payload", known[2])
            p.payload, p.size = range:len() > 0 and range:tvb() or nil, range:len()
        else
            local value, range = r:varint(known[1])
            need(value <= known[2], known[1] .. " is too large")
            p[known[1]] = value
            put_number(r, known[1], range, value)
        end
        seen[number] = known ~= nil
    end
end

local function empty_package()
    return {packet = 0, flags = 0, kind = 0, channel = 0, message = 0, offset = 0, total = 0, size = 0}
end

local function read_protobuf(r)
    local p = empty_package()
    protobuf_routing(r, p)
    protobuf_rest(r, p)
    return check_package(p)
end

local NUMBERS = {{"priority", 255}, {"hop_limit", 255}, {"hops", 255}, {"flags", 65535}, {"kind", 65535}, {"packet", NUMBER_MAX},
    {"message", NUMBER_MAX}, {"channel", 255}, {"offset", U32 - 1}, {"total", U32 - 1}}

-- The members of the object, {text, range} by key.
local function json_members(r)
    local range, members = r:take(r:left(), "a package"), {}
    local t = range:len() > 0 and range:raw() or ""
    need(M.is_utf8(t) and not t:find("\0", 1, true), "JSON is UTF-8, and has no byte 0")
    need(#t <= 2048, "a package in JSON has at most 2,048 bytes")
    local at = json.space(t, 1)
    need(t:sub(at, at) == "{", "a package in JSON is an object")
    local behind = json.list(t, at, 65, function(key, from, to)
        members[key] = {text = t:sub(from, to - 1), range = range(from - 1, to - from)}
    end)
    need(json.space(t, behind) == #t + 1, "something follows")
    return members
end

local function json_text(members, key)
    need(members[key], "no " .. key)
    local inner = members[key].text:match('^"(.*)"$')
    need(inner, key .. " is no string")
    return json.unescaped(inner), members[key].range
end

local function json_payload(members, p)
    local whole = not members.total
    if p.type == 4 then
        p.bytes = base64_of(json_text(members, "sealed"), "sealed")
    else
        need(members.data, "no data")
        if p.type == 1 and whole then
            p.payload, p.size = members.data.range:tvb(), members.data.range:len()
            p.total = p.size
            return
        end
        p.bytes = base64_of(json_text(members, "data"), "data")
    end
    p.size = #p.bytes
    if p.type ~= 4 and whole then p.total = p.size end
    need(whole or p.type == 4 or p.offset ~= 0 or p.total ~= p.size, "a total on a whole message")
end

local function read_json(r)
    local p, members = empty_package(), json_members(r)
    p.priority, p.hop_limit, p.hops = 0, 0, 0
    if members.sealed then
        need(not members.type and not members.data, "sealed, and more")
        p.type = 4
        r:put("package.type", members.sealed.range, 4)
    else
        local word, range = json_text(members, "type")
        p.type = ({json = 1, binary = 2, control = 3})[word]
        need(p.type, "a type that there is not")
        r:put("package.type", range, p.type)
    end
    for _, key in ipairs({"dst", "src"}) do
        local name, text, range = key == "dst" and "to" or "from", json_text(members, key)
        p[name] = id_of(text, key)
        r:put("package." .. name, range, text)
    end
    for _, number in ipairs(NUMBERS) do
        local member = members[number[1]]
        if member then
            local digits = member.text:match("^%d+$")
            need(digits and tonumber(digits) <= number[2], number[1] .. " is no whole number, or too large")
            p[number[1]] = tonumber(digits)
            put_number(r, number[1], member.range, p[number[1]])
        end
    end
    local session, range = json_text(members, "session")
    need(session:find("^%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$"), "a session has 16 hex digits")
    r:put("package.session", range, UInt64.fromhex(session))
    if members.hint then
        local hint = base64_of(json_text(members, "hint"), "hint")
        need(#hint <= 64, "a hint has at most 64 bytes")
        if #hint > 0 and r.tree then r.tree:add(M.fields["package.hint"], ByteArray.new(hint, true):tvb("hint")(0)) end
    end
    json_payload(members, p)
    if not members.total and p.type ~= 4 and r.tree then r.tree:add(M.fields["package.total"], p.total):set_generated() end
    return check_package(p)
end

local CODECS = {protobuf = read_protobuf, json = read_json}

local function flags_text(flags)
    local text = ""
    for i, word in ipairs({"reliable", "ordered", "latest", "traced"}) do
        if math.floor(flags / 2 ^ (i - 1)) % 2 == 1 then text = text .. " " .. word end
    end
    return text
end

local function package_text(p)
    local what = names.types[p.type]
    if p.type == 3 then what = names.controls[p.kind] or ("control %d"):format(p.kind) end
    local size = p.type == 3 and names.controls[p.kind] and "" or (" %d B"):format(p.size)
    if p.type ~= 4 and (p.offset > 0 or p.total ~= p.size) then size = size .. (" at %.0f of %.0f"):format(p.offset, p.total) end
    return ("%s > %s %s%s, hops %d"):format(p.from, p.to, what, size, p.hops)
end

local function show_payload(p, tree)
    tree:add(M.fields["package.payload_size"], p.size):set_generated()
    local tvb = p.payload or (p.bytes and #p.bytes > 0 and ByteArray.new(p.bytes, true):tvb("payload")) or nil
    local control = p.type == 3 and p.offset == 0 and p.total == p.size and names.controls[p.kind]
    if control then
        local branch = tree:add(slow, tvb and tvb() or nil, control)
        M.attempt(branch, read_control, M.reader(tvb, branch), control)
    elseif tvb then
        tree:add(M.fields["package.payload"], tvb())
        if p.type == 1 and p.total == p.size then tree:add(M.fields["package.json"], tvb(), tvb():raw()) end
    end
end

local function codec_guessed(range)
    return range(0, 1):uint() == 0x0d and "protobuf" or "json"
end

-- Refuses what is no package.
local function check(range)
    CODECS[codec_guessed(range)](M.reader(range:tvb()))
end

-- Returns the line that says what it is. `codec` may be nil.
local function show(range, codec, tree)
    codec = codec or codec_guessed(range)
    local tvb = range:tvb()
    local branch = tree:add(slow, range, "Package")
    branch:add(M.fields["package.size"], range:len()):set_generated()
    branch:add(M.fields["package.codec"], codec):set_generated()
    if not CODECS[codec] then
        branch:add_proto_expert_info(M.experts.unknown, "A package of the codec " .. codec)
        return "a package of " .. codec
    end
    local p = M.attempt(branch, CODECS[codec], M.reader(tvb, branch))
    if not p then
        branch:append_text(": malformed")
        return "a malformed package"
    end
    show_payload(p, branch)
    branch:append_text(": " .. package_text(p) .. flags_text(p.flags))
    return package_text(p)
end

return {check = check, show = show}
