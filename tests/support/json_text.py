"""JSON text as Slow takes it, for the second decoder: what is refused although some library would take it, and the members of an
object as they are written."""
import json
import re
from support.refusing import Refused, need


def once(pairs):
    need(len({key for key, _ in pairs}) == len(pairs), "a key that stands twice")
    need(not any("\0" in key for key, _ in pairs), "a character 0 in a key")
    return dict(pairs)


def finite(text):
    need(abs(float(text)) < float("inf"), "a number beyond any double")
    return float(text)


def depth_of(text):
    depth = most = 0
    for bracket in re.findall(r"[][{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        most = max(most, depth)
    return most


def no_constant(text):
    raise Refused(f"{text} is no JSON")


def members(text):
    """The members of an object as they are written, keys too: a payload must not be read and written anew."""
    need(len(text.encode()) <= 2048 and depth_of(text) <= 65, "too long, or too deep")
    decoder = json.JSONDecoder(object_pairs_hook=once, parse_constant=no_constant, parse_float=finite, parse_int=finite)
    space = re.compile(r"[ \t\n\r]*")
    skip = lambda at: space.match(text, at).end()
    try:
        whole = decoder.decode(text)
        need(isinstance(whole, dict), "not an object")
        json.dumps(whole, ensure_ascii=False).encode()  # refuses surrogates that are alone
        raw, at = {}, skip(0) + 1
        while text[skip(at)] != "}":
            begin = skip(at)
            _, at = decoder.raw_decode(text, begin)
            key = text[begin + 1:at - 1]
            start = skip(skip(at) + 1)
            _, at = decoder.raw_decode(text, start)
            raw[key] = text[start:at]
            at = skip(at)
            at += text[at] == ","
        return raw
    except ValueError as error:
        raise Refused("not JSON") from error
