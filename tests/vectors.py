#!/usr/bin/env python3
"""The second decoder: reads Slow's bytes as docs/wire.md has them, and checks the vectors of docs/vectors with it.

It shares no line with the routers, so that what both read is what the document says and not what the C code happens to
do. Standard library only. Usage: vectors.py docs/vectors
"""
import base64
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


# ---- the strategy distance-vector/1


def read_record(data):
    r = Reader(data)
    kind = r.uint(1)
    need(1 <= kind <= 4, "kind")
    kind, fields = ["ORIGIN", "UPDATE", "FORGET", "REQUEST"][kind - 1], {}
    if kind != "REQUEST":
        fields["handle"] = r.varint()
        need(fields["handle"] < 2**20, "handle")
    if kind in ("ORIGIN", "REQUEST"):
        fields.update(id=junction_id(r.short()), epoch=r.uint(8))
        need(1 <= fields["epoch"] <= 2**62, "epoch")
    if kind == "ORIGIN":
        fields["proof"] = r.short().hex()
        need(len(fields["proof"]) <= 2 * 240, "proof")
    if kind != "FORGET":
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
        links.append({"id": junction_id(r.short()), "cost": r.uint(2)})
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
            yield v["name"], lambda v=v: OPENING[v["frame"]](octets(v)), v["fields"]
        elif name == "claims":
            yield v["name"], lambda v=v: read_claim(octets(v)), v["fields"]
        elif name == "frames":
            expected = {key: v[key] for key in v if key not in ("name", "bytes")}
            yield v["name"], lambda v=v: read_frame(octets(v), v["link"], v.get("index"), v["tag"]), expected
        elif name == "packages":
            yield v["name"] + " (protobuf)", lambda v=v: read_protobuf(bytes.fromhex(v["protobuf"])), v["fields"]
            yield v["name"] + " (json)", lambda v=v: read_json(v["json"]), v["fields"]
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
    results = [check(folder, name) for name in ("opening", "claims", "frames", "packages", *RECORDS)]
    failures = [line for _, lines in results for line in lines]
    print("\n".join(failures + [f"{sum(count for count, _ in results)} vectors, {len(failures)} wrong"]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
