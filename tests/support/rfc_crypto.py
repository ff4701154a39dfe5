"""Ed25519 signatures, as RFC 8032 (5.1) writes them, and ChaCha20-Poly1305 (RFC 8439), for the second decoder: slow, and nobody's
secret. It is here so that what vectors.py says of signatures and tags owes nothing to the library that the routers use."""
import hashlib

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
