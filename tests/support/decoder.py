"""The second decoder: reads Slow's bytes as docs/wire.md has them.

It shares no line with the routers, so that what both read is what the document says and not what the C code happens to
do. Standard library only; vectors.py holds it against docs/vectors. A reader raises Refused for what is to be dropped."""
import base64
import json
import re
import unicodedata
from support.json_text import members
from support.refusing import Refused, need
from support.rfc_crypto import chacha20, poly1305_tag, signature_holds

NUMBER_MAX = 2**53 - 1
KINDS = ["INIT", "COOKIE", "RESP", "FIN", "PROBE", "ROUTE", "ROUTE_ACK", "CLOSE", "BUNDLE", "PROTOCOLS",
         "PROTOCOLS_ACK"]
TYPES = ["json", "binary", "control", "sealed"]


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        need(size <= self.left(), "cut")
        self.at += size
        return self.data[self.at - size:self.at]

    def rest(self):
        return self.take(self.left())

    def uint(self, size):
        return int.from_bytes(self.take(size), "big")

    def hex(self, size):
        return self.take(size).hex()

    def short(self):
        return self.take(self.uint(1))

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.uint(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                need(value < 2**64, "a varint above 64 bits")
                return value
        raise Refused("a varint of more than 10 bytes")


def junction_id(data):
    need(1 <= len(data) <= 63, "an id has 1 to 63 bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("an id is UTF-8") from error
    need(not any(unicodedata.category(c) == "Cc" for c in text), "a control character in an id")
    return text


def octets(vector):
    """All bytes of a vector."""
    return bytes.fromhex(vector["bytes"] + vector.get("trailing", "")) + bytes(vector.get("zeros", 0))


# ---- frames of the opening, and the claim


def read_kind(r, kind):
    need(r.take(4) == bytes([KINDS.index(kind) + 1, 0, 0, 0]), f"not {kind}")


def read_init(data):
    r = Reader(data)
    need(len(data) >= 1200, "an INIT datagram has 1,200 bytes")
    read_kind(r, "INIT")
    fields = {"index": r.uint(4), "cookie": r.hex(8)}
    fields["handshake"] = r.hex(r.uint(2))
    need(fields["index"] != 0, "index 0")
    return fields


def read_cookie(data):
    r = Reader(data)
    read_kind(r, "COOKIE")
    return {"peer_index": r.uint(4), "cookie": r.hex(8)}


def read_resp(data):
    r = Reader(data)
    read_kind(r, "RESP")
    fields = {"index": r.uint(4), "peer_index": r.uint(4), "tag": r.hex(8), "handshake": r.rest().hex()}
    need(fields["index"] != 0, "index 0")
    return fields


def read_fin(data):
    r = Reader(data)
    read_kind(r, "FIN")
    return {"peer_index": r.uint(4), "echo": r.hex(8), "tag": r.hex(8), "handshake": r.rest().hex()}


def read_greeting(data):
    r = Reader(data)
    return {"time_ms": r.uint(8), "index": r.uint(4)}


def read_opening(v):
    """Without security the payload of the first message is that message."""
    fields = OPENING[v["frame"]](octets(v))
    if "greeting" in v["fields"]:
        fields["greeting"] = read_greeting(bytes.fromhex(fields["handshake"]))
        need(fields["greeting"]["index"] == fields["index"], "another index")
    return fields


OPENING = {"INIT": read_init, "COOKIE": read_cookie, "RESP": read_resp, "FIN": read_fin}


def read_name(r, longest):
    name = r.short()
    need(1 <= len(name) <= longest and all(0x21 <= byte <= 0x7E for byte in name), "not a name")
    return name.decode("ascii")


def read_names(r):
    count = r.uint(1)
    need(count <= 8, "more than 8 names")
    return [read_name(r, 31) for _ in range(count)]


def read_numbers(r, protocols):
    numbers = [r.uint(1) for _ in protocols]
    need(len(set(numbers)) == len(set(protocols)) == len(numbers), "a protocol or a number that stands twice")
    return numbers


def short(data):
    return bytes([len(data)]) + data


def read_grant(data, network, name, authority):
    r = Reader(data)
    fields = {"key": r.hex(32), "roles": r.uint(1), "not_before": r.uint(8), "not_after": r.uint(8), "issuer": r.hex(8)}
    need(fields["roles"] in (1, 2, 5, 6), "roles that make no sense")
    need(fields["not_before"] <= fields["not_after"], "a time that never is")
    need(fields["issuer"] == authority[:8].hex(), "another authority")
    signed = b"slow/1 certificate" + short(network) + short(name) + data[:49] + authority
    need(signature_holds(authority, signed, r.take(64)), "the authority did not sign this")
    need(r.left() == 0, "a certificate that goes on")
    return {**fields, "signature": data[57:].hex()}


NOW = 1800000000  # when credentials are judged


def read_credentials(v):
    """Who has `listed` bound to that id, or trusts `authority`: is this it, with that static key?"""
    data, network, name = bytes.fromhex(v["bytes"]), v["network"].encode(), v["id"].encode()
    r = Reader(data)
    key, issued, signature, grant = r.take(32), r.uint(8), r.take(64), r.short()
    need(r.left() == 0, "something follows")
    need(NOW - 30 * 24 * 3600 <= issued <= NOW + 24 * 3600, "signed too long ago, or in the future")
    parts = b"".join(map(short, (v["context"].encode(), network, name, bytes.fromhex(v["static_key"]))))
    said = b"slow/1 credentials" + parts + issued.to_bytes(8, "big") + short(grant)
    need(signature_holds(key, said, signature), "it did not sign this")
    fields = {"key": key.hex(), "issued": issued, "signature": signature.hex()}
    if grant:
        fields["grant"] = read_grant(grant, network, name, bytes.fromhex(v["authority"]))
        need(fields["grant"]["key"] == fields["key"], "a certificate for another key")
    else:
        need(v["listed"] == fields["key"], "nobody vouches for it")
    return fields


def read_claim(data):
    r = Reader(data)
    fields = {"version": r.uint(2), "network": read_name(r, 63), "id": junction_id(r.short()), "start": r.hex(8)}
    fields.update(codecs=read_names(r), protocols=read_names(r), frame_max=r.uint(4), features=r.uint(4))
    fields["credentials"] = r.hex(r.uint(2))
    if fields["features"] & 1:
        fields["generation"] = r.uint(4)
        need(fields["generation"] != 0, "numbers of generation 0")
        fields["numbers"] = read_numbers(r, fields["protocols"])
    return fields


# ---- frames of an open link


def read_bundle(r):
    packages, begin = [], r.at
    try:
        while r.left() > 0:
            begin, size = r.at, r.varint()
            if size == 0:
                return {"packages": packages, "padding": 1 + len(r.rest())}
            need(size <= 65535, "a package that is too long")
            packages.append(r.hex(size))
    except Refused:  # what stands in front of it counts
        return {"packages": packages, "padding": 0, "rest": r.data[begin:].hex()}
    return {"packages": packages, "padding": 0}


def read_body(kind, r):
    if kind == "PROBE":
        return {name: r.uint(size) for name, size in
                [("keep_ms", 2), ("want_ms", 2), ("stamp", 4), ("echo", 4), ("held", 4)]}
    if kind == "ROUTE":
        return {"protocol": r.uint(1), "epoch": r.uint(1), "seq": r.uint(4), "message": r.rest().hex()}
    if kind == "ROUTE_ACK":
        return {"protocol": r.uint(1), "epoch": r.uint(1), "seq": r.uint(4)}
    if kind == "PROTOCOLS":
        fields = {"generation": r.uint(4), "protocols": read_names(r)}
        return {**fields, "numbers": read_numbers(r, fields["protocols"])}
    if kind == "PROTOCOLS_ACK":
        return {"generation": r.uint(4)}
    if kind == "CLOSE":
        reason = r.uint(1) if r.left() > 0 else 12
        return {"reason": reason if 1 <= reason <= 13 else 12}
    return read_bundle(r)


def read_frame(data, link, index, tag):
    """`index` and `tag` are those that the reader chose when the link opened."""
    need(len(data) >= (24 if link == "datagram" else 12), "too short")
    r = Reader(data[:-8])
    need(data[-8:].hex() == tag, "of another tag")
    kind = r.uint(1)
    need(KINDS.index("PROBE") < kind <= len(KINDS), "of a kind that there is not")
    kind = KINDS[kind - 1]
    need(r.take(3) == bytes(3), "not zero behind the kind")
    frame = {"link": link, "frame": kind, "tag": tag}
    if link == "datagram":
        frame.update(index=r.uint(4), counter=r.uint(8))
        need(frame["index"] == index, "of another index")
    return {**frame, "fields": read_body(kind, r)}


# ---- packages


def check_package(p):
    need(p["type"] in TYPES and 0 <= p["priority"] < 12 and 1 <= p["hop_limit"] <= 255 and 1 <= p["hops"] <= 255, "routing")
    need(p["packet"] <= NUMBER_MAX and p["flags"] < 2**16 and len(p["hint"]) <= 2 * 64, "routing")
    size = len(p["payload"]) // 2
    if p["type"] == "sealed":
        need(not any(p[k] for k in ("kind", "channel", "message", "offset", "total")) and size <= 1024 + 64, "sealed")
        return p
    need(p["kind"] < 2**16 and (p["kind"] == 0 or p["type"] == "control"), "kind")
    need(p["channel"] < 64 and p["message"] <= NUMBER_MAX and p["total"] < 2**32 and size <= 1024, "message")
    need(p["offset"] + size <= p["total"], "a payload outside of its message")
    return p


ROUTING = [(1, 5, "head"), (2, 2, "dst"), (3, 2, "src"), (4, 1, "session"), (5, 0, "packet"), (6, 0, "flags"), (7, 2, "hint")]
MESSAGE = {8: "kind", 9: "channel", 10: "message", 11: "offset", 12: "total", 13: "payload"}


def read_value(r, wire_type):
    if wire_type == 0:
        return r.varint()
    if wire_type == 1:
        return int.from_bytes(r.take(8), "little")
    if wire_type == 2:
        return r.take(r.varint())
    need(wire_type == 5, "a group")
    return int.from_bytes(r.take(4), "little")


def read_protobuf(data):
    r = Reader(data)
    found = {"head": None, "dst": b"", "src": b"", "session": 0, "packet": 0, "flags": 0, "hint": b""}
    for number, wire_type, name in ROUTING:
        if r.left() > 0 and r.data[r.at] == number << 3 | wire_type:
            r.take(1)
            found[name] = read_value(r, wire_type)
    need(found["head"] is not None, "no head")
    rest, unknown = {}, 0
    while r.left() > 0:
        tag = r.varint()
        number, value = tag >> 3, read_value(r, tag & 7)
        need(number > 7 and number not in rest, "a field at the wrong place, or twice")
        if number > 13:
            unknown += 1
            need(unknown <= 1024, "more than 1,024 fields that nobody knows")
            continue
        need((tag & 7) == (2 if number == 13 else 0), "a field of another type")
        rest[number] = value
    head = found.pop("head").to_bytes(4, "little")
    need(1 <= head[2] <= 4, "type")
    p = {"hops": head[0], "hop_limit": head[1], "type": TYPES[head[2] - 1], "priority": head[3]}
    p.update(dst=junction_id(found["dst"]), src=junction_id(found["src"]), session=f"{found['session']:016x}")
    p.update(packet=found["packet"], flags=found["flags"], hint=found["hint"].hex())
    p.update({name: rest.get(number, b"" if name == "payload" else 0) for number, name in MESSAGE.items()})
    return check_package({**p, "payload": p["payload"].hex()})


def read_json(text):
    raw = members(text)

    def number(key):
        need(re.fullmatch(r"[0-9]+", raw.get(key, "0")), f"{key} is no number")
        return int(raw.get(key, "0"))

    def string(key, missing=None):
        need(missing is not None or key in raw, f"no {key}")
        value = json.loads(raw[key]) if key in raw else missing
        need(isinstance(value, str), f"{key} is no string")
        return value

    def binary(key, missing=None):
        try:
            return base64.b64decode(string(key, missing), validate=True)
        except ValueError as error:
            raise Refused(f"{key} is not base64") from error

    numbers = ["priority", "hop_limit", "hops", "flags", "kind", "packet", "message", "channel", "offset", "total"]
    p = {key: number(key) for key in numbers}
    p.update(dst=junction_id(string("dst").encode()), src=junction_id(string("src").encode()))
    p["session"] = string("session").lower()
    need(re.fullmatch(r"[0-9a-f]{16}", p["session"]), "a session has 16 hex digits")
    p.update(hint=binary("hint", "").hex(), type="sealed" if "sealed" in raw else string("type"))
    need("sealed" not in raw or not ("type" in raw or "data" in raw), "sealed, and more")
    whole = "total" not in raw
    if p["type"] == "sealed":
        payload = binary("sealed")
    elif p["type"] == "json" and whole:
        need("data" in raw, "no data")
        payload = raw["data"].encode()
    else:
        payload = binary("data")
    if whole and p["type"] != "sealed":
        p["total"] = len(payload)
    else:
        need(p["type"] == "sealed" or p["offset"] != 0 or p["total"] != len(payload), "a total on a whole message")
    return check_package({**p, "payload": payload.hex()})


# ---- pairs: what is inside a sealed package, and what a handshake is about


def sealed_ad(v):
    short = lambda text: bytes([len(text.encode())]) + text.encode()
    return short(v["src"]) + short(v["dst"]) + bytes.fromhex(v["session"]) + v["packet"].to_bytes(8, "big")


def unsealed(v):
    """The inside of a package whose key is known: the nonce is its packet number."""
    key, data = bytes.fromhex(v["key"]), bytes.fromhex(v["bytes"])
    nonce = bytes(4) + v["packet"].to_bytes(8, "little")
    need(len(data) >= 16 and poly1305_tag(key, nonce, sealed_ad(v), data[:-16]) == data[-16:], "the tag is wrong")
    return chacha20(key, nonce, data[:-16])


def read_inside(data):
    r = Reader(data)
    head = r.uint(1)
    need(1 <= head & 15 <= 3, "type")
    p = {"type": TYPES[(head & 15) - 1], "flags": head >> 4 & 7, "channel": r.uint(1)}
    p["kind"] = r.uint(2) if p["type"] == "control" else 0
    p["message"] = r.varint()
    offset, total = (r.varint(), r.varint()) if head & 128 else (0, r.left())
    size = r.left()
    need(total < 2**32 and offset + size <= total and size <= 1024, "a payload outside of its message")
    need(bool(head & 128) == (offset != 0 or total != size), "an offset and a total on a whole message")
    need(p["channel"] < 64 and p["message"] <= NUMBER_MAX, "message")
    return {**p, "offset": offset, "total": total, "payload": r.rest().hex()}


def read_prologue(data):
    r = Reader(data)
    need(r.take(10) == b"slow/1 e2e", "of something else")
    fields = {"network": r.short().decode(), "lower": junction_id(r.short()), "higher": junction_id(r.short())}
    fields.update(number=r.hex(8), was=r.hex(8))
    need(r.left() == 0, "more than a prologue")
    return fields


def read_hello(data):
    r = Reader(data)
    return {"mine": r.hex(8), "alone_ms": r.uint(4), "credentials": r.rest().hex()}


def read_pair(v):
    if v["record"] == "PROLOGUE":
        return read_prologue(octets(v))
    if v["record"] == "HELLO":
        return read_hello(octets(v))
    return read_inside(unsealed(v) if v["record"] == "SEALED" else octets(v))


# ---- the strategy distance-vector/1


def read_proof(data, fields):
    if data:
        need(5 <= len(data) <= 4 + 240, "proof")
        fields["proven"] = int.from_bytes(data[:4], "big")
    fields["proof"] = data[4:].hex()


def read_record(data):
    r = Reader(data)
    kind = r.uint(1)
    need(1 <= kind <= 5, "kind")
    kind, fields = ["ORIGIN", "UPDATE", "FORGET", "REQUEST", "PROOF"][kind - 1], {}
    if kind not in ("REQUEST", "PROOF"):
        fields["handle"] = r.varint()
        need(fields["handle"] < 2**20, "handle")
    if kind in ("ORIGIN", "REQUEST", "PROOF"):
        fields.update(id=junction_id(r.short()), epoch=r.uint(8))
        need(1 <= fields["epoch"] <= 2**62, "epoch")
    if kind in ("ORIGIN", "PROOF"):
        read_proof(r.short(), fields)
        need(kind == "ORIGIN" or fields["proof"], "proof")
    if kind not in ("FORGET", "PROOF"):
        fields["seq"] = r.uint(4)
    if kind in ("ORIGIN", "UPDATE"):
        fields["metric"] = r.uint(4)
    if kind == "REQUEST":
        fields["ttl"] = r.uint(1)
    need(r.left() == 0, "more than a record")
    return {"record": kind, "fields": fields}


# ---- the strategy link-state/1


def read_links(data):
    r, links = Reader(data), []
    need(len(data) <= 640, "more links than fit")
    while r.left() > 0:
        size = r.uint(1)
        links.append({"id": junction_id(r.take(size & 0x7f)), "cost": r.uint(2)})
        if size & 0x80:
            links[-1]["leaf"] = True
        need(1 <= links[-1]["cost"] <= 65534, "cost")
    return links


def read_link_state(data):
    r = Reader(data)
    kind = r.uint(1)
    need(1 <= kind <= 5, "kind")
    kind, fields = ["LSA", "STAMP", "END", "ASK", "GO"][kind - 1], {}
    if kind in ("LSA", "STAMP"):
        fields.update(id=junction_id(r.short()), fragment=r.uint(1), epoch=r.uint(8), seq=r.uint(4))
        need(1 <= fields["epoch"] <= 2**62 and fields["seq"] >= 1, "epoch and seq")
    if kind == "LSA":
        fields.update(proof=r.short().hex(), age=r.uint(2))
        need(len(fields["proof"]) <= 2 * 240, "proof")
        fields["links"] = read_links(r.take(r.uint(2)))
    need(r.left() == 0, "more than a record")
    return {"record": kind, "fields": fields}


# ---- the core's control packages

CONTROL = {1: "KNOCK", 2: "OPEN1", 3: "OPEN2", 4: "OPEN3", 5: "ASK", 6: "STATE", 16: "ECHO", 17: "ECHO_REPLY", 18: "TRACE",
           19: "TRACE_HOP", 20: "ERROR"}
WINDOW = 4096


def read_open(r, kind):
    fields = {"mine": r.hex(8), "yours": r.hex(8)}
    need(int(fields["mine"], 16) != 0 and (kind == "OPEN1" or int(fields["yours"], 16) != 0), "no number of a pair")
    if kind != "OPEN1":
        fields["alone_ms"] = r.uint(4)
        need(fields["alone_ms"] <= 600000, "alone_ms")
    return {**fields, "handshake": r.rest().hex()}


def read_ask(r):
    fields, bars, free_at = {"channel": r.uint(1), "from": r.uint(8)}, [], 0
    count = r.uint(1)
    need(fields["channel"] < 64 and 1 <= fields["from"] <= NUMBER_MAX and count <= 128, "channel, from or bars")
    for _ in range(count):
        at, size = r.uint(2), r.uint(2)
        need(at >= free_at and size > 0 and at + size <= WINDOW, "a bar out of place")
        bars.append([fields["from"] + at, fields["from"] + at + size - 1])
        need(bars[-1][1] <= NUMBER_MAX, "a bar behind the last number")
        free_at = at + size
    need(r.left() == 0, "more than an ASK")
    return {**fields, "bars": bars}


def read_acks(r):
    count, acks = r.uint(1), []
    if count == 0:
        return {"acks": acks, "delay_us": 0}
    last, delay_us = r.uint(8), r.uint(4)
    need(count <= 32 and 1 <= last <= NUMBER_MAX, "ranges")
    for _ in range(count):
        if acks:
            last = acks[-1][0] - r.varint() - 2
        first = last - r.varint()
        need(1 <= first <= last, "a range below 1")
        acks.append([first, last])
    return {"acks": acks, "delay_us": delay_us}


def read_state(r):
    fields = {**read_acks(r), "credit": r.uint(8)}
    channel = r.uint(1)
    if channel != 255:
        fields.update(channel=channel, **{"from": r.uint(8)})
        runs = [r.uint(2) for _ in range(r.uint(1))]
        fields["runs"] = [[["open", "held", "taken", "barred"][run >> 14], run & 0x3FFF] for run in runs]
        counts = [run & 0x3FFF for run in runs]
        need(channel < 64 and len(runs) <= 64 and 0 not in counts and sum(counts) <= WINDOW, "runs")
        need(1 <= fields["from"] <= NUMBER_MAX and fields["from"] + sum(counts) <= NUMBER_MAX + 1, "from")
    need(r.left() == 0, "more than a STATE")
    return fields


def read_error(r):
    packet, reason, reasons = r.uint(8), r.uint(1), ["no_route", "hop_limit", "queue_full"]
    need(1 <= reason <= len(reasons), "reason")
    return {"packet": packet, "reason": reasons[reason - 1], "dst": junction_id(r.short())}


def read_control(kind, data):
    """The payload of a control package of that kind."""
    r = Reader(data)
    if kind == "KNOCK":
        return {}
    if kind in ("OPEN1", "OPEN2", "OPEN3"):
        need(len(data) <= 1024, "more than a payload")
        return read_open(r, kind)
    if kind == "ECHO_REPLY":
        return {"nonce": r.hex(8), "hops": r.uint(1)}
    if kind == "ERROR":
        return read_error(r)
    if kind == "ECHO":
        need(len(data) == 8, "more than an ECHO")
    if kind in ("ECHO", "TRACE"):
        return {"nonce": r.hex(8)}
    return read_trace_hop(data)["fields"] if kind == "TRACE_HOP" else read_ask(r) if kind == "ASK" else read_state(r)


def read_trace_hop(data):
    r, fates = Reader(data), ["passed", "arrived", "no_route", "hop_limit", "queue_full", "link_down"]
    fields = {"packet": r.uint(8), "place": r.uint(1)}
    fate = r.uint(1)
    need(1 <= fields["packet"] <= NUMBER_MAX and fields["place"] >= 1 and fate < len(fates), "packet, place or fate")
    following = r.short()
    fields.update(fate=fates[fate], next="", session=r.hex(8), wall_us=r.uint(8), delay_us=r.uint(4))
    if fields["fate"] in ("passed", "queue_full", "link_down"):
        fields["next"] = junction_id(following)
    else:
        need(following == b"", "a next hop")
    need(r.left() == 0, "more than a report")
    return {"record": "TRACE_HOP", "fields": fields}


RECORDS = {"distance-vector": read_record, "link-state": read_link_state, "trace-hop": read_trace_hop}


# ---- records of a stream


def read_stream(data):
    """The frames, and whether the stream goes on behind them."""
    r, frames = Reader(data), []
    while r.left() >= 2:
        size = r.uint(2)
        if size == 0:
            return frames, False
        if size > r.left():
            break
        frames.append(r.hex(size))
    return frames, True
