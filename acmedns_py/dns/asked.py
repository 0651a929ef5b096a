"""Notes of who asked for the TXT records of which challenge name: bounded, and taken away by the shell.

A note costs a query some 0.1 us. What is beyond the bound is counted and forgotten, so that a flood costs no more.
"""

from typing import Final

from acmedns_py.dns.message import Now

MOST_NOTES: Final = 1_000
"""Notes between two calls of `taken`; to fold so many takes a worker 1 ms, as one batch of queries does."""

Note = tuple[bytes, bytes, bool, Now, bool]
"""Owner (folded), source as in `dns.source`, RD, when, and whether there was a value; a tuple is made fast."""


class Asked:
    """The notes since they were taken last."""

    def __init__(self) -> None:
        self._notes: list[Note] = []
        self._missed = 0

    def note(self, owner: bytes, source: bytes, recursion_desired: bool, now: Now, valued: bool) -> None:  # noqa: FBT001 - names would cost time
        """Note one question that is being answered."""
        if len(self._notes) < MOST_NOTES:
            self._notes.append((owner, source, recursion_desired, now, valued))
        else:
            self._missed += 1

    def taken(self) -> tuple[list[Note], int]:
        """Give the notes and how many questions there was no room for; begins anew."""
        taken = self._notes, self._missed
        self._notes, self._missed = [], 0
        return taken
