"""Files with one name a line, as people and programs write them: blank lines and what stands behind # don't count."""

from pathlib import Path
from typing import Final

from acmedns_py.errors import Unusable

MOST_OCTETS: Final = 10_000_000
"""A hundred thousand names of usual length are a fifth of it."""


def read_names(path: Path, option: str) -> list[str]:
    """Give the names in their order; raises `Unusable`, naming the `option`, for a file that has none."""
    try:
        with path.open("rb") as file:
            octets = file.read(MOST_OCTETS + 1)
        text = octets.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{option} {path} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if len(octets) > MOST_OCTETS:
        raise Unusable(f"{option} {path} has more than {MOST_OCTETS} octets; is it a list of names?")
    found = [name for line in text.splitlines() if (name := line.partition("#")[0].strip())]
    if not found:
        raise Unusable(f"{option} {path} names nothing; write one name a line")
    return found
