#!/usr/bin/env python3
"""Captures, as files that Wireshark reads: of bytes that a test made up, and of the loopback interface.

    pcap.py capture FILE       writes what goes over the interface lo to FILE until it is told to end (SIGTERM)
    pcap.py FILE SEED N CORPUS...
                               N files of each of these folders, as they are and with a few bytes changed, each as a datagram, as a
                               record of a stream, and in frames, packages and messages of links that were opened before: hostile
                               bytes, for a dissector. Prints how many packets that are
"""
import random
import signal
import socket
import struct
import sys
from pathlib import Path

ETHERNET, RAW_IP = 1, 101
PORT = 4100  # the dissector's own


class Writer:
    """Packets from addresses that are numbered: 0 is 10.0.0.0."""

    def __init__(self, path, kind=RAW_IP):
        self.file, self.count, self.sent = open(path, "wb"), 0, {}
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, kind))

    def packet(self, data, when=None):
        self.count += 1
        when = self.count / 1000 if when is None else when
        self.file.write(struct.pack("<IIII", int(when), int(when % 1 * 1e6), len(data), len(data)) + data)
        return self.count

    def ip(self, source, to, protocol, data):
        address = lambda number: (0x0A000000 + number).to_bytes(4, "big")
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), self.count & 0xFFFF, 0, 64, protocol, 0)
        return self.packet(head + address(source) + address(to) + data)

    def datagram(self, source, to, data, port=PORT):
        """Returns the number of its packet."""
        return self.ip(source, to, 17, struct.pack(">HHHH", port, port, 8 + len(data), 0) + data)

    def segment(self, source, to, data, port=PORT):
        at = self.sent.get((source, to), 1)
        self.sent[source, to] = at + len(data)
        acked = self.sent.get((to, source), 1)
        return self.ip(source, to, 6, struct.pack(">HHIIBBHHH", port, port, at, acked, 0x50, 0x18, 0xFFFF, 0, 0) + data)

    def close(self):
        self.file.close()


def short(text):
    return bytes([len(text)]) + text


def claim_bytes(name, start, codecs, protocols):
    names = lambda list_: bytes([len(list_)]) + b"".join(short(n.encode()) for n in list_)
    return (b"\0\1" + short(b"slow") + short(name.encode()) + start.to_bytes(8, "big") + names(codecs) + names(protocols)
            + struct.pack(">IIH", 2048, 0, 0))


class Link:
    """A link without security between two addresses of its own: alice dials bob, and each frame is to bob. No two links have the
    same alice."""
    TAG = bytes.fromhex("99aabbccddeeff00")
    INDEX = 0x01020304  # bob's

    def __init__(self, writer, number, stream=False, codecs=("protobuf", "json"), protocols=("distance-vector/1", "link-state/1"),
                 late=False):
        """`late`: on a port that nobody knows, and the capture began when it was open."""
        self.writer, self.stream, self.alice, self.bob, self.counter = writer, stream, 2 * number + 2, 2 * number + 3, 0
        self.port, self.index = PORT + 1000 if late else PORT, self.INDEX
        if not late:
            self.open(number, codecs, protocols)

    def open(self, number, codecs, protocols):
        greeting = struct.pack(">QI", 1700000000000, 77)
        init = struct.pack(">IIQH", 1 << 24, 77, 0, len(greeting)) + greeting
        self.put(self.alice, self.bob, init + bytes(1200 - len(init)))
        self.put(self.bob, self.alice, struct.pack(">III", 3 << 24, self.INDEX, 77) + bytes(8) + claim_bytes("bob", number, codecs, protocols))
        self.put(self.alice, self.bob, struct.pack(">II", 4 << 24, self.INDEX) + bytes(8) + self.TAG
                 + claim_bytes("alice", number, codecs, protocols))

    def put(self, source, to, frame):
        if self.stream:
            return self.writer.segment(source, to, len(frame).to_bytes(2, "big") + frame, self.port)
        return self.writer.datagram(source, to, frame, self.port)

    def frame(self, data):
        """A frame as it is, to bob."""
        return self.put(self.alice, self.bob, data)

    def built(self, kind, body):
        self.counter += 1
        head = b"" if self.stream else struct.pack(">IQ", self.index, self.counter)
        return bytes([kind, 0, 0, 0]) + head + body + self.TAG

    def body(self, kind, body):
        return self.frame(self.built(kind, body))

    @staticmethod
    def record(package):
        size = len(package)
        return (bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])) + package

    def bundle(self, package):
        return self.body(9, self.record(package))

    def train(self, packages, size):
        """A frame of that size for each, padded but for the last: what a capture has where the kernel cuts it later."""
        records = [self.record(package) for package in packages]
        padded = [record + bytes(size - 24 - len(record)) for record in records[:-1]] + records[-1:]
        return self.frame(b"".join(self.built(9, record) for record in padded))

    def route(self, number, message):
        return self.body(6, struct.pack(">BBI", number, 1, 1) + message)


def control_package(kind, payload):
    """In Protocol Buffers; of a kind below 2^7, a payload of any size below 2^14."""
    size = len(payload)
    varint = lambda n: bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7])
    tail = b"\x60" + varint(size) + b"\x6a" + varint(size) + payload if size else b""
    return b"\x0d\x01\x40\x03\x08" + b"\x12\x03bob" + b"\x1a\x05alice" + b"\x21" + bytes(8) + b"\x28\x07" + bytes([0x40, kind]) + tail


def mangled(data, draw):
    """With a few bytes changed, cut, or doubled."""
    out = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        if out and draw.random() < 0.8:
            out[draw.randrange(len(out))] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        elif out:
            del out[draw.randrange(len(out)):]
    return bytes(out)


def put_hostile(links, data, draw):
    udp, tcp, late = links
    late.index = draw.randrange(1, 2**32)  # of a link of which nothing is known, again and again
    if data:
        udp.frame(data[:60000])
    for link in links:
        for kind in range(5, 12):
            link.body(kind, data[:8000])
        link.bundle(data[:8000])
        for number in (0, 1):
            link.route(number, data[:8000])
        link.put(link.bob + 100000, link.alice, struct.pack(">III", 3 << 24, 5, 77) + bytes(8) + data[:8000])
        for kind in (2, 3, 4, 5, 6, 16, 17, 19, 20):
            link.bundle(control_package(kind, data[:4000]))
    tcp.frame(data[:8000])


def write_hostile(path, corpora, seed, most):
    """Of each folder at most that many files, drawn by the seed; returns the count of packets."""
    writer, draw = Writer(path), random.Random(seed)
    links = Link(writer, 0), Link(writer, 1, stream=True), Link(writer, 2, late=True)
    links[2].port = PORT  # where the dissector looks at everything
    for corpus in corpora:
        files = sorted(file for file in Path(corpus).iterdir() if file.is_file())
        for file in draw.sample(files, min(most, len(files))):
            data = file.read_bytes()
            put_hostile(links, data, draw)
            put_hostile(links, mangled(data, draw), draw)
    # what does not keep to records: last, since a stream that lost its step does not find it again
    for _ in range(20):
        writer.segment(links[1].alice, links[1].bob, draw.randbytes(draw.randint(1, 3000)))
    writer.close()
    return writer.count


def capture(path):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind(("lo", 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    writer = Writer(path, ETHERNET)
    print("capturing", flush=True)
    while True:
        data, (_, _, kind, _, _) = s.recvfrom(1 << 17)
        if kind != socket.PACKET_OUTGOING:  # lo shows each packet as it goes and as it comes
            writer.packet(data)
            writer.file.flush()


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "capture":
        capture(sys.argv[2])
    elif len(sys.argv) > 4:
        print(write_hostile(sys.argv[1], sys.argv[4:], int(sys.argv[2]), int(sys.argv[3])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
