-- fields.lua - what Slow's bytes are called in Wireshark, and the words for its numbers. A function, since Wireshark loads every
-- file of its folder of plugins, and only slow.lua may make fields.
local names = {
    frames = {"INIT", "COOKIE", "RESP", "FIN", "PROBE", "ROUTE", "ROUTE_ACK", "CLOSE", "BUNDLE", "PROTOCOLS", "PROTOCOLS_ACK"},
    reasons_of_close = {"goodbye: the junction ends", "the operator took the join back", "another link stays",
        "it was opened anew", "a neighbour has at most 4 links", "another version", "another network", "the ids are equal",
        "no codec in common", "not a member", "nothing was heard for too long", "the connection broke",
        "the opening did not end in time"},
    types = {"json", "binary", "control", "sealed"},
    controls = {"KNOCK", "OPEN1", "OPEN2", "OPEN3", "ASK", "STATE", [16] = "ECHO", [17] = "ECHO_REPLY", [18] = "TRACE",
        [19] = "TRACE_HOP", [20] = "ERROR"},
    vectors = {"ORIGIN", "UPDATE", "FORGET", "REQUEST", "PROOF"},
    states = {"LSA", "STAMP", "END", "ASK", "GO"},
    fates = {[0] = "passed", "arrived", "no_route", "hop_limit", "queue_full", "link_down"},
    reasons_of_error = {"no_route", "hop_limit", "queue_full"},
    runs = {[0] = "open", "held", "taken", "barred"},
}

-- Behind "slowmesh.": name, type, label, and what the type wants besides.
local function wanted()
    return {
        {"frame.size", "uint16", "Size of the record"}, {"frame.kind", "uint8", "Kind", base.DEC, names.frames},
        {"frame.index", "uint32", "Index", base.HEX}, {"frame.counter", "uint64", "Counter"},
        {"frame.tag", "bytes", "Tag"}, {"frame.sealed", "bytes", "Sealed"}, {"frame.from", "string", "Author"},
        {"frame.to", "string", "Reader"}, {"opening.index", "uint32", "Index", base.HEX},
        {"opening.peer_index", "uint32", "Index of the other end", base.HEX}, {"opening.cookie", "bytes", "Cookie"},
        {"opening.tag", "bytes", "Tag"}, {"opening.echo", "bytes", "Echo of the tag"},
        {"opening.handshake", "bytes", "Handshake"}, {"opening.padding", "bytes", "Padding"},
        {"greeting.time", "uint64", "Time in ms since 1970"}, {"greeting.index", "uint32", "Index again", base.HEX},
        {"claim.version", "uint16", "Version"}, {"claim.network", "string", "Network"}, {"claim.id", "string", "Id"},
        {"claim.start", "uint64", "Start", base.HEX}, {"claim.codec", "string", "Codec"},
        {"claim.protocol", "string", "Protocol"}, {"claim.frame_max", "uint32", "Largest frame"},
        {"claim.features", "uint32", "Features", base.HEX}, {"claim.credentials", "bytes", "Credentials"},
        {"claim.generation", "uint32", "Generation"}, {"claim.number", "uint8", "Number"},
        {"credentials.key", "bytes", "Identity"}, {"credentials.issued", "uint64", "Issued, in s since 1970"},
        {"credentials.signature", "bytes", "Signature"}, {"grant.key", "bytes", "Key"},
        {"grant.roles", "uint8", "Roles", base.HEX}, {"grant.not_before", "uint64", "Not before, in s since 1970"},
        {"grant.not_after", "uint64", "Not after, in s since 1970"}, {"grant.issuer", "bytes", "Issuer"},
        {"grant.signature", "bytes", "Signature"}, {"probe.keep", "uint16", "Says something at least every (ms)"},
        {"probe.want", "uint16", "Wants to hear every (ms)"}, {"probe.stamp", "uint32", "Stamp (us)"},
        {"probe.echo", "uint32", "Echo (us)"}, {"probe.held", "uint32", "Held for (us)"},
        {"route.protocol", "uint8", "Number of the protocol"}, {"route.name", "string", "Protocol"},
        {"route.epoch", "uint8", "Epoch"}, {"route.seq", "uint32", "Sequence number"},
        {"route.message", "bytes", "Message"}, {"close.reason", "uint8", "Reason", base.DEC, names.reasons_of_close},
        {"bundle.packages", "uint32", "Packages"}, {"bundle.padding", "bytes", "Padding"},
        {"bundle.rest", "bytes", "What is not read"}, {"package.size", "uint32", "Size"},
        {"package.codec", "string", "Codec"}, {"package.from", "string", "From"}, {"package.to", "string", "To"},
        {"package.type", "uint8", "Type", base.DEC, names.types}, {"package.priority", "uint8", "Priority"},
        {"package.hop_limit", "uint8", "Hop limit"}, {"package.hops", "uint8", "Hops"},
        {"package.flags", "uint16", "Flags", base.HEX}, {"package.kind", "uint16", "Kind", base.DEC, names.controls},
        {"package.channel", "uint8", "Channel"}, {"package.session", "uint64", "Session", base.HEX},
        {"package.packet", "uint64", "Packet"}, {"package.message", "uint64", "Message"},
        {"package.offset", "uint32", "Offset"}, {"package.total", "uint32", "Total"}, {"package.hint", "bytes", "Hint"},
        {"package.payload", "bytes", "Payload"}, {"package.payload_size", "uint32", "Size of the payload"},
        {"package.json", "string", "JSON"}, {"open.mine", "uint64", "Number of the author's pair", base.HEX},
        {"open.yours", "uint64", "Number of the other end's pair", base.HEX},
        {"open.alone", "uint32", "Without a pair for (ms)"}, {"open.handshake", "bytes", "Handshake"},
        {"ask.channel", "uint8", "Channel"}, {"ask.from", "uint64", "From"}, {"ask.bar", "string", "Barred"},
        {"state.ack", "string", "Packets that came"}, {"state.delay", "uint32", "The last one came before (us)"},
        {"state.credit", "uint64", "Credit"}, {"state.channel", "uint8", "Channel"}, {"state.from", "uint64", "From"},
        {"state.run", "string", "Run"}, {"echo.nonce", "uint64", "Nonce", base.HEX},
        {"echo.hops", "uint8", "Hops of the ECHO"}, {"hop.packet", "uint64", "Packet"}, {"hop.place", "uint8", "Place"},
        {"hop.fate", "uint8", "Fate", base.DEC, names.fates}, {"hop.next", "string", "Next"},
        {"hop.session", "uint64", "Session", base.HEX}, {"hop.wall", "uint64", "Its clock, in us since 1970"},
        {"hop.delay", "uint32", "In its queue for (us)"}, {"error.packet", "uint64", "Packet"},
        {"error.reason", "uint8", "Reason", base.DEC, names.reasons_of_error}, {"error.dst", "string", "To"},
        {"dv.kind", "uint8", "Record", base.DEC, names.vectors}, {"dv.handle", "uint32", "Handle"},
        {"dv.id", "string", "Destination"}, {"dv.epoch", "uint64", "Epoch"}, {"dv.seq", "uint32", "Sequence number"},
        {"dv.metric", "uint32", "Metric (0.1 ms)"}, {"dv.ttl", "uint8", "Time to live"},
        {"dv.proven", "uint32", "Number of the proof"}, {"dv.proof", "bytes", "Proof"},
        {"ls.kind", "uint8", "Record", base.DEC, names.states}, {"ls.id", "string", "Origin"},
        {"ls.fragment", "uint8", "Fragment"}, {"ls.epoch", "uint64", "Epoch"}, {"ls.seq", "uint32", "Sequence number"},
        {"ls.proof", "bytes", "Proof"}, {"ls.age", "uint16", "Out of reach for (s)"},
        {"ls.links", "uint16", "Size of the links"}, {"ls.link", "string", "Neighbour"},
        {"ls.cost", "uint16", "Cost (0.1 ms)"}, {"ls.leaf", "bool", "Leaf"},
    }
end

return function()
    local fields, experts = {}, {
        malformed = ProtoExpert.new("slowmesh.malformed", "Not as Slow writes it", expert.group.MALFORMED, expert.severity.ERROR),
        cut = ProtoExpert.new("slowmesh.cut", "The capture has not all of it", expert.group.UNDECODED, expert.severity.NOTE),
        unknown = ProtoExpert.new("slowmesh.unknown", "Nothing tells what this is", expert.group.UNDECODED, expert.severity.NOTE),
    }
    for _, f in ipairs(wanted()) do fields[f[1]] = ProtoField[f[2]]("slowmesh." .. f[1], f[3], f[4], f[5]) end
    return {fields = fields, experts = experts, names = names}
end
