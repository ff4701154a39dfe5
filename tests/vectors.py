#!/usr/bin/env python3
"""Checks the vectors of docs/vectors with the second decoder (support/decoder.py). Usage: vectors.py docs/vectors [SOURCE]

With SOURCE, the folder that has core/, sdk/ and plugins/, each kind of everything that the C code knows must be in a vector.
"""
import json
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the folder of the sources stays as it is
from support.decoder import (CONTROL, OPENING, RECORDS, Refused, need, octets, read_claim, read_control, read_credentials,
                             read_frame, read_json, read_opening, read_pair, read_protobuf, read_stream)


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
            expected = {key: v[key] for key in v if key not in ("name", "bytes", "only_read")}
            yield v["name"], lambda v=v: read_frame(octets(v), v["link"], v.get("index"), v["tag"]), expected
        elif name == "packages":
            yield v["name"] + " (protobuf)", lambda v=v: read_protobuf(bytes.fromhex(v["protobuf"])), v["fields"]
            yield v["name"] + " (json)", lambda v=v: read_json(v["json"]), v["fields"]
        elif name == "pairs":
            yield v["name"], lambda v=v: read_pair(v), v["fields"]
        elif name == "control":
            yield v["name"], lambda v=v: read_control(v["record"], octets(v)), v["fields"]
        elif name == "streams":
            yield v["name"], lambda v=v: read_stream(octets(v)), (v["frames"], True)
        else:
            yield v["name"], lambda v=v: RECORDS[name](octets(v)), {"record": v["record"], "fields": v["fields"]}


def only_read_of(file):
    for v in file.get("read", []):
        yield v["name"], lambda v=v: read_json(v["json"]) if "json" in v else read_protobuf(bytes.fromhex(v["protobuf"])), v["fields"]


def refuse_stream(v):
    frames, goes_on = read_stream(octets(v))
    need(goes_on or frames != v["frames"], "it ends, as it should")
    return frames


def refused_of(name, file):
    if name == "packages":
        for v in file["refused"]["protobuf"]:
            yield v["name"] + " (protobuf)", lambda v=v: read_protobuf(octets(v))
        for v in file["refused"]["json"]:
            yield v["name"] + " (json)", lambda v=v: read_json(v["text"])
        return
    index, tag = (file["accepted"][0].get(key) for key in ("index", "tag"))
    readers = {"opening": lambda v: OPENING[v["frame"]](octets(v)), "claims": lambda v: read_claim(octets(v)),
               "credentials": read_credentials, "pairs": read_pair, "streams": refuse_stream,
               "control": lambda v: read_control(v["record"], octets(v)),
               "frames": lambda v: read_frame(octets(v), v["link"], index, tag),
               **{strategy: lambda v, read=read: read(octets(v)) for strategy, read in RECORDS.items()}}
    for v in file["refused"]:
        yield v["name"], lambda v=v: readers[name](v)


# ---- what there is a vector of


ENUMS = {"sl_frame_kind": "core/link_wire.h", "slow_package_type": "sdk/slow/package.h", "sl_pair_kind": "core/delivery_wire.h",
         "sl_control_kind": "core/path.h", "sl_number_state": "core/delivery_wire.h", "sl_hop_fate": "core/delivery_wire.h",
         "sl_drop_reason": "core/forward.h", "dv_kind": "plugins/routing-distance-vector/message.h",
         "ls_kind": "plugins/routing-link-state/message.h"}


def names_of_enum(source, enum):
    """The names that a C enum has, without what they all begin with: a kind that is new there has to be in a vector."""
    text = re.sub(r"/\*.*?\*/", "", (source / ENUMS[enum]).read_text(encoding="utf-8"), flags=re.S)
    body = re.search(rf"enum {enum} {{(.*?)}}", text, flags=re.S)
    if body is None:
        sys.exit(f"{ENUMS[enum]} has no enum {enum}: say in {__file__} where it is")
    names = [word.split("=")[0].strip() for word in body[1].split(",")]
    return {re.sub("^(SL_FRAME|SL_KIND|SL_HOP|SL_DROP|SLOW|SL|DV|LS)_", "", name) for name in names if name} - {"FATES"}


def uncovered(source, folder):
    """What a C enum has and no vector that is accepted."""
    files = {path.stem: json.loads(path.read_text(encoding="utf-8"))["accepted"] for path in folder.glob("*.json")}
    fields = lambda name: [v["fields"] for v in files[name]]
    kinds = {CONTROL.get(f["kind"]) for f in fields("packages")} - {None}
    records = lambda name: {v["record"] for v in files[name]}
    payloads = kinds & (records("control") | records("trace-hop"))
    runs = {run[0] for f in fields("control") for run in f.get("runs", [])}
    there = {"sl_frame_kind": {v["frame"] for v in files["opening"] + files["frames"]},
             "slow_package_type": {f["type"].upper() for f in fields("packages")}, "sl_pair_kind": payloads,
             "sl_control_kind": payloads, "sl_number_state": {word.upper() for word in runs},
             "sl_hop_fate": {f["fate"].upper() for f in fields("trace-hop")},
             "sl_drop_reason": {f["reason"].upper() for f in fields("control") if "reason" in f},
             "dv_kind": records("distance-vector"), "ls_kind": records("link-state")}
    there["sl_hop_fate"] = {"LIMIT" if fate == "HOP_LIMIT" else fate for fate in there["sl_hop_fate"]}
    return [f"{ENUMS[enum]}: {name} of enum {enum} is in no vector"
            for enum in ENUMS for name in sorted(names_of_enum(source, enum) - there[enum])]


def check(folder, name):
    file, failures, count = json.loads((folder / f"{name}.json").read_text(encoding="utf-8")), [], 0
    for what, decode, expected in [*accepted_of(name, file), *only_read_of(file)]:
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
    names = ("streams", "opening", "claims", "credentials", "frames", "packages", "control", "pairs", *RECORDS)
    without = {path.stem for path in folder.glob("*.json")} - set(names)
    results = [check(folder, name) for name in names]
    failures = [line for _, lines in results for line in lines] + [f"{name}.json is read by nobody" for name in without]
    if len(sys.argv) > 2:
        failures += uncovered(Path(sys.argv[2]), folder)
    print("\n".join(failures + [f"{sum(count for count, _ in results)} vectors, {len(failures)} wrong"]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
