"""The parameters of SVCB and HTTPS records: their presentation form into octets, and a check of octets (RFC 9460 2)."""

import base64
import ipaddress
import re
from collections.abc import Callable, Sequence

_KEYS = {
    "mandatory": 0,
    "alpn": 1,
    "no-default-alpn": 2,
    "port": 3,
    "ipv4hint": 4,
    "ech": 5,
    "ipv6hint": 6,
    "dohpath": 7,
}
_GENERIC_KEY = re.compile(r"key(0|[1-9]\d{0,4})", re.ASCII)
_HIGHEST_KEY = 65534
"""65535 is reserved as an invalid key (RFC 9460 14.3.2)."""


class BadParameter(ValueError):
    """A parameter that can't be put on the wire; the message says which and why."""


def parameters_from_text(texts: Sequence[str], text_octets: Callable[[str], bytes]) -> bytes:
    """Give the octets of `key=value` words, in the order of their keys.

    `text_octets` resolves the escapes of a character string. Raises `BadParameter`.
    """
    values: dict[int, bytes] = {}
    for text in texts:
        word, separator, value = text.partition("=")
        key = _key(word)
        if key in values:
            raise BadParameter(f"{word} is given twice")
        values[key] = _value(key, word, text_octets(value) if separator else None)
    if 0 in values:
        needed = [values[0][start : start + 2] for start in range(0, len(values[0]), 2)]
        if any(int.from_bytes(key, "big") not in values for key in needed):
            raise BadParameter("mandatory names a key that is not there")
    if 2 in values and 1 not in values:
        raise BadParameter("no-default-alpn needs alpn beside it")
    return b"".join(
        key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in sorted(values.items())
    )


def _key(word: str) -> int:
    key = _KEYS.get(word)
    if key is None:
        generic = _GENERIC_KEY.fullmatch(word)
        if generic is None or int(generic[1]) > _HIGHEST_KEY:
            raise BadParameter(f"{word!r} is no parameter; others than {', '.join(_KEYS)} are written keyNNNNN")
        key = int(generic[1])
    return key


def _value(key: int, word: str, octets: bytes | None) -> bytes:
    if key == _KEYS["no-default-alpn"]:
        if octets:
            raise BadParameter("no-default-alpn takes no value")
        return b""
    if key > _KEYS["dohpath"]:
        return octets or b""
    if not octets:
        raise BadParameter(f"{word} needs a value")
    try:
        return _KNOWN[key](octets)
    except (ValueError, OverflowError):
        raise BadParameter(f"{word}={octets.decode('utf-8', 'backslashreplace')} can't be understood") from None


def _items(octets: bytes) -> list[bytes]:
    """Split at commas; a backslash keeps the next octet as it is (RFC 9460 A.1)."""
    items = [bytearray()]
    position = 0
    while position < len(octets):
        octet = octets[position : position + 1]
        if octet == b"\\":
            position += 1
            octet = octets[position : position + 1]
            if not octet:
                raise ValueError("a backslash at the end")
            items[-1] += octet
        elif octet == b",":
            items.append(bytearray())
        else:
            items[-1] += octet
        position += 1
    if not all(items):
        raise ValueError("an empty item")
    return [bytes(item) for item in items]


def _mandatory(octets: bytes) -> bytes:
    keys = sorted(_key(item.decode("ascii")) for item in _items(octets))
    if len(set(keys)) != len(keys) or keys[0] == 0:
        raise ValueError("twice, or itself")
    return b"".join(key.to_bytes(2, "big") for key in keys)


def _alpn(octets: bytes) -> bytes:
    return b"".join(len(item).to_bytes(1, "big") + item for item in _items(octets))


def _port(octets: bytes) -> bytes:
    if not octets.isdigit():
        raise ValueError("no number")
    return int(octets).to_bytes(2, "big")


def _hints4(octets: bytes) -> bytes:
    return b"".join(ipaddress.IPv4Address(item.decode("ascii")).packed for item in _items(octets))


def _hints6(octets: bytes) -> bytes:
    return b"".join(ipaddress.IPv6Address(item.decode("ascii")).packed for item in _items(octets))


def _ech(octets: bytes) -> bytes:
    return base64.b64decode(octets, validate=True)


def _dohpath(octets: bytes) -> bytes:
    octets.decode("utf-8")
    return octets


_KNOWN: dict[int, Callable[[bytes], bytes]] = {
    0: _mandatory,
    1: _alpn,
    3: _port,
    4: _hints4,
    5: _ech,
    6: _hints6,
    7: _dohpath,
}


def parameters_problem(octets: bytes) -> str | None:
    """Say what keeps octets from being parameters: cut short, or keys that do not rise; None where nothing does."""
    position = 0
    last = -1
    while position < len(octets):
        key = int.from_bytes(octets[position : position + 2], "big")
        position += 4 + int.from_bytes(octets[position + 2 : position + 4], "big")
        if position > len(octets):
            return "cut short in its parameters"
        if key <= last:
            return "parameter keys do not rise"
        last = key
    return None
