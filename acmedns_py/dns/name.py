"""Owner names as folded octets in wire form, and their presentation form.

A name is the uncompressed wire form of RFC 1035 3.1: labels with a length octet each, ended by a zero octet. "Folded"
means that its ASCII letters are in lower case and nothing else is touched (RFC 4343). As a length octet is at most 63
and the letters begin at 65, folding the whole octet string never touches a length.
"""

from collections.abc import Iterator

MAX_NAME_OCTETS = 255
MAX_LABEL_OCTETS = 63
"""Both from RFC 1035 2.3.4; the first counts the length octets and the final zero."""

ROOT = b"\0"

CHALLENGE = "_acme-challenge"
"""The label before a name that is to be proved by dns-01 (RFC 8555 8.4)."""

_SPECIAL = frozenset(b'.;\\()"@$')


class InvalidName(ValueError):
    """A text that can't be a domain name; the message says what is wrong with which text."""


def from_text(text: str) -> bytes:
    r"""Give the folded name for its presentation form, with or without the final dot.

    Takes `\DDD` and `\X` escapes (RFC 1035 5.1). Raises `InvalidName`; names in other scripts have to be written as
    A-labels (`xn--...`).
    """
    return folded(absolute(text, ROOT))


def absolute(text: str, origin: bytes) -> bytes:
    r"""Give the name for a presentation form in the letter case it came, completed by `origin` where no dot ends it.

    `@` alone is the origin. Raises `InvalidName`.
    """
    if text == "@":
        return origin
    if text == ".":
        return ROOT
    if not text:
        raise InvalidName("a domain name can't be empty")
    parts, ended_by_dot = _split(text)
    name = b"".join(bytes((len(part),)) + part for part in parts) + (ROOT if ended_by_dot else origin)
    if len(name) > MAX_NAME_OCTETS:
        raise InvalidName(f"{_shown(text)}: {len(name)} octets in wire form, but a name has at most {MAX_NAME_OCTETS}")
    return name


def _split(text: str) -> tuple[list[bytes], bool]:
    parts: list[bytes] = []
    label = bytearray()
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == ".":
            _check_label(label, text)
            parts.append(bytes(label))
            label.clear()
        elif character == "\\":
            octet, position = unescaped(text, position)
            label.append(octet)
        elif "!" <= character <= "~":
            label.append(ord(character))
        elif character.isascii():
            raise InvalidName(f"{_shown(text)}: a blank or control character must be written as \\DDD")
        else:
            raise InvalidName(f"{_shown(text)}: {character!r} is not ASCII; write the name as an A-label (xn--...)")
    ended_by_dot = not label and text.endswith(".")
    if not ended_by_dot:
        _check_label(label, text)
        parts.append(bytes(label))
    return parts, ended_by_dot


def _check_label(label: bytearray, text: str) -> None:
    if not label:
        raise InvalidName(f"{_shown(text)}: two dots in a row or a dot in front leave a label empty")
    if len(label) > MAX_LABEL_OCTETS:
        raise InvalidName(
            f"{_shown(text)}: a label has {len(label)} octets, but at most {MAX_LABEL_OCTETS} are allowed"
        )


def unescaped(text: str, position: int) -> tuple[int, int]:
    r"""Give the octet that an escape stands for and the position behind it; `position` is behind the backslash.

    Raises `InvalidName` where the escape is cut short, or a `\DDD` is over 255 (RFC 1035 5.1).
    """
    digits = text[position : position + 3]
    if digits[:1].isdecimal():
        if len(digits) != 3 or not (digits.isascii() and digits.isdecimal()) or int(digits) > 255:
            raise InvalidName(f"{_shown(text)}: a backslash and a digit need three digits up to 255")
        return int(digits), position + 3
    if not digits or not digits[0].isascii():
        raise InvalidName(f"{_shown(text)}: a backslash needs an ASCII character behind it")
    return ord(digits[0]), position + 1


def _shown(text: str) -> str:
    """Quote what the operator wrote, cut where it is too long for a line."""
    return repr(text) if len(text) <= 80 else repr(text[:77]) + "..."


def to_text(name: bytes) -> str:
    """Give the presentation form with its final dot, escaped as RFC 1035 5.1 says."""
    if name == ROOT:
        return "."
    return "".join(_label_to_text(label) + "." for label in labels(name))


def _label_to_text(label: bytes) -> str:
    return "".join(
        "\\" + chr(octet) if octet in _SPECIAL else chr(octet) if 0x21 <= octet <= 0x7E else f"\\{octet:03d}"
        for octet in label
    )


def folded(name: bytes) -> bytes:
    """Give the name with its ASCII letters, and only those, in lower case (RFC 4343)."""
    return name.lower()


def labels(name: bytes) -> Iterator[bytes]:
    """Give the labels from the left, without the root's empty one."""
    position = 0
    while length := name[position]:
        yield name[position + 1 : position + 1 + length]
        position += 1 + length


def parent(name: bytes) -> bytes:
    """Give the name without its first label; raises `ValueError` for the root."""
    if name == ROOT:
        raise ValueError("the root has no parent")
    return name[name[0] + 1 :]


def child_of(apex: bytes, name: bytes) -> bytes:
    """Give the name directly below `apex` that `name`, which is in its zone, is or lies under; the apex for itself."""
    while name != apex and parent(name) != apex:
        name = parent(name)
    return name


def is_subdomain(name: bytes, apex: bytes) -> bool:
    """Say whether `name` is `apex` or below it; both folded, compared label by label."""
    position = 0
    surplus = len(name) - len(apex)
    while position < surplus:
        position += name[position] + 1
    return position == surplus and name.endswith(apex)
