"""The operator's routes of our server as a check asks them; what answers there is read as what it should be, or not.

Between here and the server may stand a proxy, and behind a URL another program: no document is taken at its word.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from acmedns_py.check.finding import told
from acmedns_py.dns import name
from acmedns_py.errors import Unusable

T = TypeVar("T")


class Routes(Protocol):
    """The operator's routes, by the local socket or with a token."""

    def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the document of a good answer; raises `AcmednsError`."""


def read(document: Mapping[str, Any], form: type[T]) -> T:
    """Read a document of the routes; raises `Unusable` for one of another form."""
    try:
        return msgspec.convert(document, form)
    except msgspec.ValidationError as error:
        raise _foreign(str(error)) from None


def read_name(text: str) -> bytes:
    """Read a complete name in a document; raises `Unusable` for what is none."""
    try:
        return name.from_text(text)
    except name.InvalidName as error:
        raise _foreign(str(error)) from None


def _foreign(reason: str) -> Unusable:
    return Unusable(
        f"what answered is no acmedns server, or one of another version ({told(reason)}): name the URL of its API, and "
        "look where a proxy there sends /admin/v1"
    )
