"""Which test holds each case of the list that the exam was made from, "dns-correctness #NN".

The list has no place in this repository, so that each case stands here in a few words.
"""

from __future__ import annotations

NUMBERS: dict[int, tuple[str, tuple[str, ...]]] = {}
