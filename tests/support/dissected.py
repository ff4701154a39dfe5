#!/usr/bin/env python3
"""Holds the dissector of tools/wireshark against the vectors of docs/vectors: dissected.py VECTORS SLOW.LUA CAPTURE

Each vector goes into a packet of its own, in a link of its own, which was opened by the book: CAPTURE is written, and tshark
shows it. What a vector says of its bytes has to be shown, and nothing else of the same names; what is refused has to be marked
(slowmesh.malformed) but where only its reader can know that it is wrong: the index and the tag that it drew, and signatures.
"""
import json
import struct
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from pcap import PORT, Link, Writer, control_package

TYPES = ["json", "binary", "control", "sealed"]
CONTROL = {"KNOCK": 1, "OPEN1": 2, "OPEN2": 3, "OPEN3": 4, "ASK": 5, "STATE": 6, "ECHO": 16, "ECHO_REPLY": 17, "TRACE": 18,
           "TRACE_HOP": 19, "ERROR": 20}
KINDS = {"distance-vector": ["ORIGIN", "UPDATE", "FORGET", "REQUEST", "PROOF"], "link-state": ["LSA", "STAMP", "END", "ASK", "GO"]}
FATES = ["passed", "arrived", "no_route", "hop_limit", "queue_full", "link_down"]
REASONS = ["", "no_route", "hop_limit", "queue_full"]


class Hex(str):
    """Some bytes."""


def number(text):
    return int(text, 16)


# A vector's fields, to those of the dissector and what they have to be: a number, a text, Hex, or a list of these.
RULES = {
    "opening": {"index": "opening.index", "peer_index": "opening.peer_index", "cookie": ("opening.cookie", Hex),
                "tag": ("opening.tag", Hex), "echo": ("opening.echo", Hex), "handshake": ("opening.handshake", Hex)},
    "greeting": {"time_ms": "greeting.time", "index": "greeting.index"},
    "claims": {"version": "claim.version", "network": "claim.network", "id": "claim.id", "start": ("claim.start", number),
               "codecs": "claim.codec", "protocols": "claim.protocol", "frame_max": "claim.frame_max",
               "features": "claim.features", "credentials": ("claim.credentials", Hex), "generation": "claim.generation",
               "numbers": "claim.number"},
    "credentials": {"key": ("credentials.key", Hex), "issued": "credentials.issued",
                    "signature": ("credentials.signature", Hex)},
    "grant": {"key": ("grant.key", Hex), "roles": "grant.roles", "not_before": "grant.not_before",
              "not_after": "grant.not_after", "issuer": ("grant.issuer", Hex), "signature": ("grant.signature", Hex)},
    "frames": {"keep_ms": "probe.keep", "want_ms": "probe.want", "stamp": "probe.stamp", "echo": "probe.echo",
               "held": "probe.held", "protocol": "route.protocol", "epoch": "route.epoch", "seq": "route.seq",
               "message": ("route.message", Hex), "generation": "claim.generation", "protocols": "claim.protocol",
               "numbers": "claim.number", "reason": "close.reason", "packages": ("bundle.packages", len),
               "padding": ("bundle.padding", lambda size: Hex("00" * size)), "rest": ("bundle.rest", Hex)},
    "packages": {"type": ("package.type", lambda t: TYPES.index(t) + 1), "priority": "package.priority",
                 "hop_limit": "package.hop_limit", "hops": "package.hops", "flags": "package.flags", "kind": "package.kind",
                 "channel": "package.channel", "src": "package.from", "dst": "package.to",
                 "session": ("package.session", number), "packet": "package.packet", "message": "package.message",
                 "offset": "package.offset", "total": "package.total", "hint": ("package.hint", Hex)},
    "control": {"mine": ("open.mine", number), "yours": ("open.yours", number), "alone_ms": "open.alone",
                "handshake": ("open.handshake", Hex), "nonce": ("echo.nonce", number), "hops": "echo.hops",
                "reason": ("error.reason", REASONS.index), "dst": "error.dst", "credit": "state.credit",
                "bars": ("ask.bar", lambda bars: [span(*bar) for bar in bars]),
                "acks": ("state.ack", lambda acks: [span(*ack) for ack in acks]),
                "runs": ("state.run", lambda runs: [f"{count} {word}" for word, count in runs])},
    "trace-hop": {"packet": "hop.packet", "place": "hop.place", "fate": ("hop.fate", FATES.index), "next": "hop.next",
                  "session": ("hop.session", number), "wall_us": "hop.wall", "delay_us": "hop.delay"},
    "distance-vector": {"handle": "dv.handle", "id": "dv.id", "epoch": "dv.epoch", "seq": "dv.seq", "metric": "dv.metric",
                        "ttl": "dv.ttl", "proven": "dv.proven", "proof": ("dv.proof", Hex)},
    "link-state": {"id": "ls.id", "fragment": "ls.fragment", "epoch": "ls.epoch", "seq": "ls.seq", "proof": ("ls.proof", Hex),
                   "age": "ls.age", "links": ("ls.link", lambda links: [link["id"] for link in links])},
}


def span(first, last):
    return str(first) if first == last else f"{first} to {last}"


def wanted_of(rules, fields):
    wanted = {}
    for key, value in fields.items():
        if key in RULES[rules]:
            rule = RULES[rules][key]
            name, convert = (rule, lambda same: same) if isinstance(rule, str) else rule
            wanted[name] = convert(value)
    return wanted


class Show:
    """The capture, and for each packet what has to be shown of it; "refused" for what has to be marked."""

    def __init__(self, path):
        self.writer, self.links, self.wanted = Writer(path), 0, {}

    def link(self, stream=False, **claims):
        self.links += 1
        return Link(self.writer, self.links, stream, **claims)

    def expect(self, packet, name, wanted):
        self.wanted[packet] = (name, wanted)


def octets(vector):
    return bytes.fromhex(vector["bytes"] + vector.get("trailing", "")) + bytes(vector.get("zeros", 0))


def put_opening(show, file):
    for v in file["accepted"]:
        fields, link = v["fields"], show.link()
        wanted = {"frame.kind": ["INIT", "COOKIE", "RESP", "FIN"].index(v["frame"]) + 1, **wanted_of("opening", fields)}
        if "greeting" in fields:
            wanted.update(wanted_of("greeting", fields["greeting"]))
        show.expect(link.frame(octets(v)), v["name"], wanted)
    for v in file["refused"]:
        if not v["name"].endswith("of another kind"):  # a frame of that kind it is
            show.expect(show.link().frame(octets(v)), v["name"], "refused")


ANYHOW = {"malformed": None}  # what is inside does not matter here, and makes no sense


def put_claims(show, file):
    resp = bytes([3, 0, 0, 0]) + bytes.fromhex("0000004d0000004d") + bytes(8)
    for v in file["accepted"]:
        show.expect(show.link().frame(resp + octets(v)), v["name"], {**wanted_of("claims", v["fields"]), **ANYHOW})
    for v in file["refused"]:  # it is no claim, and may be sealed
        show.expect(show.link().frame(resp + octets(v)), v["name"], {"claim.id": []})


def put_credentials(show, file):
    resp = bytes([3, 0, 0, 0]) + bytes.fromhex("0000004d0000004d") + bytes(8)
    for v in file["accepted"]:
        claim = b"\0\1\1n\1a" + bytes(8) + b"\0\0" + bytes(8) + (len(v["bytes"]) // 2).to_bytes(2, "big") + octets(v)
        wanted = {**wanted_of("credentials", v["fields"]), **wanted_of("grant", v["fields"].get("grant", {}))}
        show.expect(show.link().frame(resp + claim), v["name"], wanted)


def put_frames(show, file):
    for v in file["accepted"]:
        wanted = {**wanted_of("frames", v["fields"]), "frame.tag": Hex(v["tag"]), "frame.from": "alice", "frame.to": "bob"}
        if "index" in v:
            wanted.update({"frame.index": v["index"], "frame.counter": v["counter"]})
        if v.get("only_read") and v["frame"] == "CLOSE":
            del wanted["close.reason"]  # that it counts as 12 is not in the bytes
        if "rest" in v["fields"]:
            wanted.update(ANYHOW)
        in_json = "".join(v["fields"].get("packages", [])).startswith("7b")
        link = show.link(v["link"] == "stream", codecs=("json" if in_json else "protobuf",),
                         protocols=("distance-vector/1",))
        show.expect(link.frame(octets(v)), v["name"], wanted)
    for v in file["refused"]:
        if not v["name"].startswith(("of another index", "of another tag")):
            show.expect(show.link(v["link"] == "stream").frame(octets(v)), v["name"], "refused")


def put_packages(show, file):
    for v in file["accepted"]:
        f = v["fields"]
        wanted = {**wanted_of("packages", f), "package.payload_size": len(f["payload"]) // 2}
        if f["type"] in ("json", "binary") or f["kind"] >= 0x8000:
            wanted["package.payload"] = Hex(f["payload"])
        if f["type"] == "json" and f["offset"] == 0 and f["total"] == len(f["payload"]) // 2:
            wanted["package.json"] = bytes.fromhex(f["payload"]).decode()
        for codec, data in (("protobuf", bytes.fromhex(v["protobuf"])), ("json", v["json"].encode())):
            link = show.link(codec == "json", codecs=(codec,))
            show.expect(link.bundle(data), f"{v['name']} ({codec})", {**wanted, "package.codec": codec})
    for v in file["read"]:
        codec, wanted = "json" if "json" in v else "protobuf", wanted_of("packages", v["fields"])
        data = v["json"].encode() if codec == "json" else bytes.fromhex(v["protobuf"])
        show.expect(show.link(codecs=(codec,)).bundle(data), f"{v['name']} ({codec})", {**wanted, "package.codec": codec})
    for codec in ("protobuf", "json"):
        for v in file["refused"][codec]:
            data = octets(v) if codec == "protobuf" else v["text"].encode()
            if data:  # a package of no bytes is padding
                show.expect(show.link(codecs=(codec,)).bundle(data), f"{v['name']} ({codec})", "refused")


def put_control(show, file):
    for v in file["accepted"]:
        record, f = v.get("record"), v["fields"]
        wanted = {"package.kind": CONTROL[record], **wanted_of("trace-hop" if record == "TRACE_HOP" else "control", f)}
        if record in ("ASK", "STATE"):
            lower = record.lower()
            wanted.update({f"{lower}.channel": f.get("channel", 255), f"{lower}.from": f.get("from", [])})
        if record == "STATE":
            wanted["state.delay"] = f["delay_us"] if f["acks"] else []
        if record == "ERROR":
            wanted["error.packet"] = f["packet"]
        show.expect(show.link().bundle(control_package(CONTROL[record], octets(v))), v["name"], wanted)
    for v in file["refused"]:
        kind = CONTROL[v.get("record", "TRACE_HOP")]
        show.expect(show.link().bundle(control_package(kind, octets(v))), v["name"], "refused")


def put_records(show, file, strategy):
    place, short = list(KINDS).index(strategy), {"distance-vector": "dv", "link-state": "ls"}[strategy]
    for v in file["accepted"]:
        wanted = {f"{short}.kind": KINDS[strategy].index(v["record"]) + 1, **wanted_of(strategy, v["fields"])}
        if "links" in v["fields"]:
            wanted["ls.cost"] = [link["cost"] for link in v["fields"]["links"]]
            wanted["ls.leaf"] = [int(link.get("leaf", False)) for link in v["fields"]["links"]]
        show.expect(show.link().route(place, octets(v)), v["name"], {**wanted, "route.name": f"{strategy}/1"})
    for v in file["refused"]:
        show.expect(show.link().route(place, octets(v)), v["name"], "refused")


def put_streams(show, file):
    for v in file["accepted"]:
        link = show.link(stream=True)
        wanted = {"frame.size": [len(frame) // 2 for frame in v["frames"]], **ANYHOW}
        show.expect(show.writer.segment(link.alice, link.bob, octets(v)), v["name"], wanted)
    for v in file["refused"]:
        link = show.link(stream=True)
        show.expect(show.writer.segment(link.alice, link.bob, octets(v)), v["name"], "refused")


def put_trains(show, file):
    """Not vectors of their own: the packages of others, in one datagram."""
    packages = [bytes.fromhex(v["protobuf"]) for v in file["accepted"] if len(v["protobuf"]) < 200][:4]
    for first in (0, 254, 65534, 2**40 - 2):  # the counter carries
        link = show.link(codecs=("protobuf",))
        link.counter = first
        wanted = {"frame.counter": [first + 1 + i for i in range(4)], "bundle.packages": [1] * 4}
        show.expect(link.train(packages, 150), f"a train from {first + 1} on", wanted)


def put_late(show):
    """Links that were open before the capture began: a probe tells that they are ours, and whether they are sealed."""
    probe = struct.pack(">HHIII", 100, 1000, 1, 0, 0)
    package = b"\x0d\x01\x40\x02\x01\x12\x03bob\x1a\x05alice" + b"\x60\x02\x6a\x02hi"
    link = show.link(late=True)
    show.expect(link.bundle(package), "nothing tells yet what this is", {"frame.kind": []})
    show.expect(link.body(5, probe), "a probe", {"probe.keep": 100, "frame.index": Link.INDEX})
    show.expect(link.bundle(package), "a package behind a probe", {"package.from": "alice", "package.codec": "protobuf"})
    show.expect(link.route(0, b"\1\7\3bob" + (9).to_bytes(8, "big") + b"\0" + bytes(8)), "a message that one strategy can read",
                {"route.name": "distance-vector/1", "dv.id": "bob"})
    link = show.link(late=True)
    link.port = PORT
    show.expect(link.bundle(package), "a package that can be read", {"package.from": "alice", "package.codec": "protobuf"})
    link = show.link(late=True)
    link.port = PORT
    show.expect(link.body(9, bytes(range(20))), "a bundle that cannot", {"package.from": [], "frame.kind": 9, "unknown": ""})
    link = show.link(late=True)
    show.expect(link.frame(link.built(5, probe + bytes(8))), "a sealed probe", {"probe.keep": [], "frame.index": Link.INDEX})
    show.expect(link.frame(link.built(9, bytes(40))), "a sealed bundle", {"bundle.packages": [], "frame.kind": 9})


PUT = {"opening": put_opening, "claims": put_claims, "credentials": put_credentials, "frames": put_frames,
       "packages": put_packages, "control": put_control, "trace-hop": put_control, "streams": put_streams,
       "distance-vector": lambda show, file: put_records(show, file, "distance-vector"),
       "link-state": lambda show, file: put_records(show, file, "link-state")}


# ---- what tshark shows


def collect(pairs, found):
    for key, value in pairs:
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            collect(value, found)
        elif isinstance(value, list):
            collect([(key, part) for part in value], found)
        if key.startswith("slowmesh.") and isinstance(value, str):
            found.setdefault(key[len("slowmesh."):], []).append(value)


def dissect(path, script):
    """By the number of a packet: what is shown, a list by name."""
    command = ["tshark", "-n", "-X", f"lua_script:{script}", "-r", path, "-T", "json", "-J", "slowmesh frame tcp udp _ws.expert"]
    got = subprocess.run(command, capture_output=True, check=True, text=True)
    if "Lua" in got.stderr or "Lua Error" in got.stdout:
        sys.exit(f"a Lua error: {got.stderr[:2000]}")
    shown = {}
    for packet in json.loads(got.stdout, object_pairs_hook=list):
        layers = dict(dict(packet)["_source"])["layers"]
        found = {}
        collect(layers, found)
        shown[int(dict(dict(layers)["frame"])["frame.number"])] = found
    return shown


def as_shown(value, texts):
    if isinstance(value, Hex):
        return [text.replace(":", "") for text in texts]
    if isinstance(value, int):
        return [{"True": 1, "False": 0}.get(text) if text in ("True", "False") else int(text, 0) for text in texts]
    return texts


def failures_of(name, wanted, found):
    if wanted == "refused":
        return [] if "malformed" in found else [f"{name}: is not marked as malformed: {found}"]
    failures = [f"{name}: is marked as malformed"] if "malformed" in found and "malformed" not in wanted else []
    for key, value in wanted.items():
        if key == "malformed":
            continue
        values = value if isinstance(value, list) else [value]
        got = as_shown(values[0] if values else "", found.get(key, []))
        empty = not isinstance(value, list) and value in (0, "") and got == []
        if got != values and not empty:
            failures.append(f"{name}: {key} should be {value}, and is {got}")
    return failures


def main():
    vectors, script, path = sys.argv[1:]
    show = Show(path)
    for name, put in PUT.items():
        put(show, json.loads((Path(vectors) / f"{name}.json").read_text(encoding="utf-8")))
    put_trains(show, json.loads((Path(vectors) / "packages.json").read_text(encoding="utf-8")))
    put_late(show)
    show.writer.close()
    shown = dissect(path, script)
    failures = [line for packet, (name, wanted) in show.wanted.items() for line in failures_of(name, wanted, shown[packet])]
    print("\n".join(failures + [f"{len(show.wanted)} vectors dissected, {len(failures)} failures"]))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
