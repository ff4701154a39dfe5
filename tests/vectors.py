#!/usr/bin/env python3
"""The second decoder: reads Slow's bytes as docs/wire.md has them, and checks the vectors of docs/vectors with it.

It shares no line with the routers, so that what both read is what the document says and not what the C code happens to
do. Standard library only. Usage: vectors.py docs/vectors
"""
import base64
import hashlib
import json
import re
import sys
import unicodedata
from pathlib import Path

NUMBER_MAX = 2**53 - 1
KINDS = ["INIT", "COOKIE", "RESP", "FIN", "PROBE", "ROUTE", "ROUTE_ACK", "CLOSE", "BUNDLE", "PROTOCOLS",
         "PROTOCOLS_ACK"]
TYPES = ["json", "binary", "control", "sealed"]


class Refused(Exception):
    """These bytes are not what they should be."""


def need(condition, what):
    if not condition:
        raise Refused(what)


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


# ---- Ed25519, as RFC 8032 (5.1) writes it: slow, and nobody's secret

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(scalar, p):
    q = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            q = point_add(q, p)
        p, scalar = point_add(p, p), scalar >> 1
    return q


def point_of(data):
    """A point of its 32 bytes; None where there is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def signature_holds(key, message, signature):
    base = point_of(bytes([0x58] + [0x66] * 31))
    a, r, s = point_of(key), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = point_times(s, base), point_add(r, point_times(h, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


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
    packages = []
    while r.left() > 0:
        size = r.varint()
        if size == 0:
            return {"packages": packages, "padding": 1 + len(r.rest())}
        packages.append(r.hex(size))
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
        return {"reason": r.uint(1)}
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
    rest = {}
    while r.left() > 0:
        tag = r.varint()
        number, value = tag >> 3, read_value(r, tag & 7)
        need(number > 7 and number not in rest, "a field at the wrong place, or twice")
        need(number > 13 or (tag & 7) == (2 if number == 13 else 0), "a field of another type")
        rest[number] = value
    head = found.pop("head").to_bytes(4, "little")
    need(1 <= head[2] <= 4, "type")
    p = {"hops": head[0], "hop_limit": head[1], "type": TYPES[head[2] - 1], "priority": head[3]}
    p.update(dst=junction_id(found["dst"]), src=junction_id(found["src"]), session=f"{found['session']:016x}")
    p.update(packet=found["packet"], flags=found["flags"], hint=found["hint"].hex())
    p.update({name: rest.get(number, b"" if name == "payload" else 0) for number, name in MESSAGE.items()})
    return check_package({**p, "payload": p["payload"].hex()})


def once(pairs):
    need(len({key for key, _ in pairs}) == len(pairs), "a key that stands twice")
    return dict(pairs)


def no_constant(text):
    raise Refused(f"{text} is no JSON")


def members(text):
    """The members of an object as they are written: a payload must not be read and written anew."""
    decoder = json.JSONDecoder(object_pairs_hook=once, parse_constant=no_constant)
    space = re.compile(r"[ \t\n\r]*")
    skip = lambda at: space.match(text, at).end()
    try:
        need(isinstance(decoder.decode(text), dict), "not an object")
        raw, at = {}, skip(0) + 1
        while text[skip(at)] != "}":
            key, at = decoder.raw_decode(text, skip(at))
            start = skip(skip(at) + 1)
            _, at = decoder.raw_decode(text, start)
            raw[key] = text[start:at]
            at = skip(at)
            at += text[at] == ","
        return raw
    except ValueError as error:
        raise Refused("not JSON") from error


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
    p.update(dst=junction_id(string("dst").encode()), src=junction_id(string("src").encode()), session=string("session"))
    need(re.fullmatch(r"[0-9a-fA-F]{16}", p["session"]), "a session has 16 hex digits")
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


# ---- pairs: what is inside a sealed package, and what a handshake is about (ChaCha20-Poly1305: RFC 8439)


def chacha20_block(key, counter, nonce):
    words = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    words += [int.from_bytes((key + counter.to_bytes(4, "little") + nonce)[i:i + 4], "little") for i in range(0, 48, 4)]
    x = list(words)

    def turn(a, b, by):
        return ((x[a] ^ x[b]) << by | (x[a] ^ x[b]) >> (32 - by)) & 0xFFFFFFFF

    def quarter(a, b, c, d):
        for p, q, s, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[p] = (x[p] + x[q]) & 0xFFFFFFFF
            x[s] = turn(s, p, by)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return b"".join(((a + b) & 0xFFFFFFFF).to_bytes(4, "little") for a, b in zip(x, words))


def chacha20(key, nonce, data):
    out = bytearray()
    for at in range(0, len(data), 64):
        out += bytes(a ^ b for a, b in zip(data[at:at + 64], chacha20_block(key, 1 + at // 64, nonce)))
    return bytes(out)


def poly1305_tag(key, nonce, ad, ciphered):
    one_time = chacha20_block(key, 0, nonce)[:32]
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    padded = lambda part: part + bytes(-len(part) % 16)
    text = padded(ad) + padded(ciphered) + len(ad).to_bytes(8, "little") + len(ciphered).to_bytes(8, "little")
    sum_ = 0
    for at in range(0, len(text), 16):
        sum_ = (sum_ + int.from_bytes(text[at:at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((sum_ + int.from_bytes(one_time[16:], "little")) % 2**128).to_bytes(16, "little")


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


# ---- TRACE_HOP


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


# ---- the vectors


def octets(vector):
    return bytes.fromhex(vector["bytes"] + vector.get("trailing", "")) + bytes(vector.get("zeros", 0))


def accepted_of(name, file):
    """(what, decode, expected) of each vector."""
    for v in file["accepted"]:
        if name == "opening":
            yield v["name"], lambda v=v: read_opening(v), v["fields"]
        elif name == "claims":
            yield v["name"], lambda v=v: read_claim(octets(v)), v["fields"]
        elif name == "credentials":
            yield v["name"], lambda v=v: read_credentials(v), v["fields"]
        elif name == "frames":
            expected = {key: v[key] for key in v if key not in ("name", "bytes")}
            yield v["name"], lambda v=v: read_frame(octets(v), v["link"], v.get("index"), v["tag"]), expected
        elif name == "packages":
            yield v["name"] + " (protobuf)", lambda v=v: read_protobuf(bytes.fromhex(v["protobuf"])), v["fields"]
            yield v["name"] + " (json)", lambda v=v: read_json(v["json"]), v["fields"]
        elif name == "pairs":
            yield v["name"], lambda v=v: read_pair(v), v["fields"]
        else:
            yield v["name"], lambda v=v: RECORDS[name](octets(v)), {"record": v["record"], "fields": v["fields"]}


def refused_of(name, file):
    if name == "packages":
        for v in file["refused"]["protobuf"]:
            yield v["name"] + " (protobuf)", lambda v=v: read_protobuf(octets(v))
        for v in file["refused"]["json"]:
            yield v["name"] + " (json)", lambda v=v: read_json(v["text"])
        return
    index, tag = (file["accepted"][0].get(key) for key in ("index", "tag"))
    readers = {"opening": lambda v: OPENING[v["frame"]](octets(v)), "claims": lambda v: read_claim(octets(v)),
               "credentials": read_credentials, "pairs": read_pair,
               "frames": lambda v: read_frame(octets(v), v["link"], index, tag),
               **{strategy: lambda v, read=read: read(octets(v)) for strategy, read in RECORDS.items()}}
    for v in file["refused"]:
        yield v["name"], lambda v=v: readers[name](v)


def check(folder, name):
    file, failures, count = json.loads((folder / f"{name}.json").read_text(encoding="utf-8")), [], 0
    for what, decode, expected in accepted_of(name, file):
        count += 1
        try:
            got = decode()
        except Refused as error:
            got = f"refused: {error}"
        if got != expected:
            failures.append(f"{name}: {what}: expected {expected}, got {got}")
    for what, decode in refused_of(name, file):
        count += 1
        try:
            failures.append(f"{name}: {what}: should be refused, but gave {decode()}")
        except Refused:
            pass
    return count, failures


def main():
    folder = Path(sys.argv[1])
    names = ("opening", "claims", "credentials", "frames", "packages", "pairs", *RECORDS)
    results = [check(folder, name) for name in names]
    failures = [line for _, lines in results for line in lines]
    print("\n".join(failures + [f"{sum(count for count, _ in results)} vectors, {len(failures)} wrong"]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
