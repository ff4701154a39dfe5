-- opening.lua - the four frames that open a link, and what is in them where there is no security: the greeting and the claims
-- (docs/wire.md, 2.1 and 2.2).
local slow, M = ...
if not M then return end -- Wireshark loads every file of its folder: alone this one is nothing

local need = M.need
local INIT_SIZE, GREETING_SIZE, GRANT_SIZE = 1200, 12, 121

local function branch_of(tree, range, text)
    return tree and tree:add(slow, range, text)
end

local function read_grant(r)
    r:bytes("grant.key", 32)
    local roles = r:uint("grant.roles", 1)
    need(roles == 1 or roles == 2 or roles == 5 or roles == 6, "roles that make no sense")
    need(r:u64("grant.not_before") <= r:u64("grant.not_after"), "a time that never is")
    r:bytes("grant.issuer", 8)
    r:bytes("grant.signature", 64)
end

local function read_credentials(r)
    r:bytes("credentials.key", 32)
    r:u64("credentials.issued")
    r:bytes("credentials.signature", 64)
    local size = r:take(1, "the size of a certificate"):uint()
    need(size == 0 or size == GRANT_SIZE, "a certificate has 121 bytes")
    need(size == r:left(), "credentials end with their certificate")
    if size > 0 then read_grant(M.reader(r.tvb, branch_of(r.tree, r.tvb(r.at, size), "Certificate"), r.at, r.stop)) end
end

-- {id, start, codecs, generation, numbers}; numbers: names by number. Whether the credentials make sense is not the claim's.
local function read_claim(r)
    local claim = {}
    r:uint("claim.version", 2)
    r:name("claim.network", 63)
    claim.id = r:id("claim.id")
    claim.start = r:bytes("claim.start", 8)
    claim.codecs = r:names("claim.codec")
    local protocols = r:names("claim.protocol")
    r:uint("claim.frame_max", 4)
    local numbered = r:uint("claim.features", 4) % 2 == 1
    local size = r:take(2, "the size of the credentials"):uint()
    local credentials = r:take(size, "the credentials")
    claim.generation, claim.numbers = 0, {}
    if numbered then
        claim.generation = r:uint("claim.generation", 4)
        claim.numbers = r:numbers(protocols)
        need(claim.generation ~= 0, "numbers of generation 0")
    else
        for i, name in ipairs(protocols) do claim.numbers[i - 1] = name end
    end
    if size > 0 and r.tree then
        local branch = r.tree:add(M.fields["claim.credentials"], credentials)
        M.attempt(branch, read_credentials, M.reader(r.tvb, branch, credentials:offset(), credentials:offset() + size))
    end
    return claim
end

-- The handshake of a RESP or a FIN: the claim, where there is no security, and nil where there is.
local function read_handshake(r)
    local from, size = r.at, r:left()
    if size == 0 then return nil end
    local claim = M.try(read_claim, M.reader(r.tvb, nil, from, r.stop))
    local range = r:take(size, "the handshake")
    local branch = r.tree and r.tree:add(M.fields["opening.handshake"], range)
    if claim and branch then read_claim(M.reader(r.tvb, branch_of(branch, range, "Claim of " .. claim.id), from, r.stop)) end
    return claim
end

local function padding_of(r)
    local size = r:left()
    if size > 0 then r:put("opening.padding", r:take(size, "the padding")) end
end

-- Returns the author's index, and whether what follows will be sealed.
local function read_init(r, is_stream)
    need(is_stream or r.stop >= INIT_SIZE, "an INIT datagram has 1,200 bytes")
    local index = r:uint("opening.index", 4)
    need(index ~= 0, "index 0")
    r:bytes("opening.cookie", 8)
    local size = r:take(2, "the size of the handshake"):uint()
    local range = r:take(size, "the handshake")
    local branch = size > 0 and r.tree and r.tree:add(M.fields["opening.handshake"], range)
    if branch and size == GREETING_SIZE then
        local greeting = M.reader(r.tvb, branch_of(branch, range, "Greeting"), range:offset())
        greeting:u64("greeting.time")
        greeting:uint("greeting.index", 4)
    end
    padding_of(r)
    return index, size ~= GREETING_SIZE
end

local function read_cookie(r)
    local index = r:uint("opening.peer_index", 4)
    r:bytes("opening.cookie", 8)
    return index
end

-- Returns the author's index, the other end's, and the claim.
local function read_resp(r)
    local index = r:uint("opening.index", 4)
    local peer_index = r:uint("opening.peer_index", 4)
    r:bytes("opening.tag", 8)
    need(index ~= 0, "index 0")
    return index, peer_index, read_handshake(r)
end

-- Returns the other end's index, and the claim.
local function read_fin(r)
    local peer_index = r:uint("opening.peer_index", 4)
    r:bytes("opening.echo", 8)
    r:bytes("opening.tag", 8)
    return peer_index, read_handshake(r)
end

-- Is this beyond doubt the INIT of somebody? Of all but a few bytes it is known what they are.
local function is_init(tvb, at)
    if tvb:len() < at + INIT_SIZE or tvb(at, 4):uint() ~= 0x01000000 or tvb(at + 4, 4):uint() == 0 then return false end
    local handshake = at + 18 + tvb(at + 16, 2):uint()
    return handshake > at + 18 and handshake < at + INIT_SIZE and
        not tvb(handshake, at + INIT_SIZE - handshake):raw():find("[^\0]")
end

return {claim = read_claim, init = read_init, cookie = read_cookie, resp = read_resp, fin = read_fin, is_init = is_init}
