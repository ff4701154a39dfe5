#!/usr/bin/env python3
"""Looks for secrets where they must not be: for tests. Prints how often each was found, and what it looked at.

    hunt.py PATTERNS files FILE...     in files, byte for byte
    hunt.py PATTERNS memory PID        in all memory of a process that can be read, by its maps' names, its command line and
                                       its environment too
    hunt.py pairs PID                  prints, as such patterns, the secrets of the X25519 key pairs (secret, and public key behind
                                       it) in that part of a process's memory that is in no core
    hunt.py mute udp|tcp               is an address that nobody answers at: prints it, and "called" once something has come,
                                       until it is told to end
    hunt.py capture FILE               writes all frames of the interface lo to FILE until it is told to end (SIGTERM)

PATTERNS is a file of lines "NAME hex BYTES". Each is looked for as it is, in hexadecimal and in base64, wherever that begins.
A line of output is NAME=COUNT. The exit code is 0 whatever is found: it is the caller's to judge."""
import base64
import ctypes
import ctypes.util
import signal
import socket
import sys


def variants(secret):
    """As it is, in hexadecimal, and in base64 of each of the three places at which it can begin in a longer text."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret)
        # the first and the last characters depend on what stands beside it
        yield text[(0, 2, 3)[before]:len(text) - (4 if (before + len(secret)) % 3 else 0)]


def read_patterns(path):
    return {name: list(variants(bytes.fromhex(text))) for name, _, text in (line.split() for line in open(path))}


def count(patterns, found, data):
    for name, texts in patterns.items():
        found[name] += sum(data.count(text) for text in texts)


def memory_of(pid):
    for name in ('cmdline', 'environ', 'maps', 'status', 'limits'):
        yield open(f'/proc/{pid}/{name}', 'rb').read()
    with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in open(f'/proc/{pid}/maps'):
            place, rights = line.split()[:2]
            begin, end = (int(text, 16) for text in place.split('-'))
            if rights[0] != 'r' or line.rstrip().endswith(('[vvar]', '[vsyscall]')):
                continue
            try:
                memory.seek(begin)
                yield memory.read(end - begin)
            except (OSError, ValueError):
                pass  # a device, or a guard page


def kept_out_of_cores(pid):
    place = None
    with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in open(f'/proc/{pid}/smaps'):
            words = line.split()
            if '-' in words[0]:
                place = [int(text, 16) for text in words[0].split('-')] if words[1][0] == 'r' else None
            elif words[0] == 'VmFlags:' and 'dd' in words and 'io' not in words and place:
                try:
                    memory.seek(place[0])
                    yield memory.read(place[1] - place[0])
                except (OSError, ValueError):
                    pass  # not ours to read: [vvar]


def pairs(pid):
    sodium = ctypes.CDLL(ctypes.util.find_library('sodium'))
    public = ctypes.create_string_buffer(32)
    found = set()
    for data in kept_out_of_cores(pid):
        for at in range(0, len(data) - 63):
            secret, behind = data[at:at + 32], data[at + 32:at + 64]
            if any(secret) and any(behind) and not sodium.crypto_scalarmult_base(public, secret) and public.raw == behind:
                found.add(secret)
    for number, secret in enumerate(sorted(found)):
        print(f'static{number}', 'hex', secret.hex())


def mute(scheme):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if scheme == 'udp' else socket.SOCK_STREAM)
    s.bind(('127.0.0.1', 0))
    print(f'{scheme}://127.0.0.1:{s.getsockname()[1]}', flush=True)
    if scheme == 'tcp':
        s.listen()
        s, _ = s.accept()
    s.recv(65536)
    print('called', flush=True)
    signal.pause()


def capture(path):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind(('lo', 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(path, 'wb', 0) as out:
        print('capturing', flush=True)
        while True:
            out.write(s.recv(65536))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if sys.argv[1] == 'capture':
        capture(sys.argv[2])
    if sys.argv[1] == 'mute':
        mute(sys.argv[2])
    if sys.argv[1] == 'pairs':
        return pairs(sys.argv[2])
    patterns = read_patterns(sys.argv[1])
    found = dict.fromkeys(patterns, 0)
    if sys.argv[2] == 'memory':
        pieces = memory_of(sys.argv[3])
    else:
        pieces = (open(path, 'rb').read() for path in sys.argv[3:])
    size = 0
    for piece in pieces:
        size += len(piece)
        count(patterns, found, piece)
    print(' '.join(f'{name}={number}' for name, number in found.items()), f'bytes={size} ')


main()
