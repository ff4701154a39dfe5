-- routing.lua - the messages of the strategies distance-vector/1 and link-state/1 (docs/wire.md, 3). Each function reads a whole
-- message and returns a line on it. routing-flooding sends none.
local slow, M, names = ...
if not M then return end -- Wireshark loads every file of its folder: alone this one is nothing

local need = M.need
local EPOCH_MAX = 2 ^ 62

local function read_epoch(r, name)
    local epoch, range = r:u64(name)
    need(epoch >= 1 and epoch <= EPOCH_MAX and (epoch < EPOCH_MAX or range(4, 4):uint() == 0), "epochs are 1 to 2^62")
end

local function milliseconds(metric)
    return metric == 0xffffffff and "nowhere" or ("%.1f ms"):format(metric / 10)
end

-- f(branch's reader, its kind) for each record of the message, under a branch of the tree that is as long as the record; returns
-- what each said, as a line.
local function each_record(r, kind_field, kinds, read)
    local tree, said, count = r.tree, {}, 0
    while r:left() > 0 do
        local from = r.at
        r.tree = tree and tree:add(slow, r.tvb(from, r:left()), "Record")
        local kind = kinds[r:uint(kind_field, 1)]
        need(kind, "a kind of record that there is not")
        local text = kind .. read(r, kind)
        if r.tree then
            r.tree:set_len(r.at - from)
            r.tree:set_text(text)
        end
        count = count + 1
        if count <= 3 then said[count] = text end
    end
    r.tree = tree
    return table.concat(said, "; ") .. (count > 3 and ("; and %d more"):format(count - 3) or ""), count
end

-- ---- distance-vector/1

local function read_handle(r)
    local handle, range = r:varint("a handle")
    need(handle < 2 ^ 20, "handles are less than 2^20")
    r:put("dv.handle", range, handle)
    return handle
end

local function read_proof(r, has_to_be)
    local size = r:take(1, "a proof"):uint()
    need(size > 0 or not has_to_be, "a PROOF without one")
    if size == 0 then return end
    need(size >= 5 and size <= 244, "a proof has a number and 1 to 240 bytes")
    r:uint("dv.proven", 4)
    r:bytes("dv.proof", size - 4)
end

-- `book` remembers what handles mean: book.bind(handle, id), book.find(handle).
local function read_vector(r, book)
    return each_record(r, "dv.kind", names.vectors, function(record, kind)
        local named = kind == "ORIGIN" or kind == "REQUEST" or kind == "PROOF"
        local handle = kind ~= "REQUEST" and kind ~= "PROOF" and read_handle(record)
        local id = named and record:id("dv.id") or book.find(handle)
        if named then read_epoch(record, "dv.epoch") end
        if kind == "ORIGIN" or kind == "PROOF" then read_proof(record, kind == "PROOF") end
        local seq = kind ~= "FORGET" and kind ~= "PROOF" and record:uint("dv.seq", 4)
        local metric = (kind == "ORIGIN" or kind == "UPDATE") and record:uint("dv.metric", 4)
        if kind == "REQUEST" then record:uint("dv.ttl", 1) end
        if kind == "ORIGIN" then book.bind(handle, id) end
        if not named and id and record.tree then record.tree:add(M.fields["dv.id"], id):set_generated() end
        return " " .. (id or ("handle %d"):format(handle)) .. (seq and (" seq %.0f"):format(seq) or "") ..
            (metric and " " .. milliseconds(metric) or "")
    end)
end

-- ---- link-state/1

local function read_links(r)
    local size = r:uint("ls.links", 2)
    need(size <= 640, "links have at most 640 bytes")
    local stop, said = r.at + size, {}
    need(size <= r:left(), "it ends in its links")
    while r.at < stop do
        local range = r:take(1, "a link")
        local id = r:take(range:uint() % 128, "a link")
        local text = M.id_of(id:len() > 0 and id:raw() or "", "a neighbour")
        r:put("ls.link", id, text)
        r:put("ls.leaf", range, range:uint() >= 128)
        local cost = r:uint("ls.cost", 2)
        need(cost >= 1 and cost <= 65534, "costs are 1 to 65534")
        need(r.at <= stop, "links that end inside of one")
        said[#said + 1] = ("%s %s%s"):format(text, milliseconds(cost), range:uint() >= 128 and " (leaf)" or "")
    end
    return table.concat(said, ", ")
end

local function read_state(r)
    local line, count = each_record(r, "ls.kind", names.states, function(record, kind)
        if kind ~= "LSA" and kind ~= "STAMP" then return "" end
        local text = " " .. record:id("ls.id")
        local fragment = record:uint("ls.fragment", 1)
        read_epoch(record, "ls.epoch")
        local seq = record:uint("ls.seq", 4)
        need(seq >= 1, "sequence numbers begin with 1")
        text = text .. (fragment > 0 and ("/%d"):format(fragment) or "") .. (" seq %.0f"):format(seq)
        if kind == "STAMP" then return text end
        local size = record:take(1, "a proof"):uint()
        need(size <= 240, "a proof has at most 240 bytes")
        record:bytes("ls.proof", size)
        record:uint("ls.age", 2)
        local links = read_links(record)
        return text .. ": " .. (links == "" and "no neighbours" or links)
    end)
    need(count <= 70, "more than 70 records")
    return line
end

return {["distance-vector/1"] = read_vector, ["link-state/1"] = read_state}
