"""The operator's routes about the check that the running server makes by itself: /admin/v1/check."""

from collections.abc import Mapping
from typing import Any, Protocol

from acmedns_py.api.asked import Told
from acmedns_py.errors import Unusable


class Checker(Protocol):
    """What runs the check from time to time."""

    def shown(self) -> Mapping[str, Any]:
        """How it stands, with the last report."""

    def begin(self) -> bool:
        """Have a run begin at once; says whether one does."""


class CheckRoutes:
    """`checker` is None where no server runs."""

    def __init__(self, checker: Checker | None) -> None:
        self._checker = checker

    async def show(self) -> Told:
        """Give the last report."""
        return Told(200, self._there().shown())

    async def begin(self) -> Told:
        """Have another run begin; what comes of it is seen by `show`."""
        begun = self._there().begin()
        return Told(200, {"begun": begun, "detail": "a check begins" if begun else "a check is under way already"})

    def _there(self) -> Checker:
        if self._checker is None:
            raise Unusable("a running server alone checks by itself; start acmedns serve, or run acmedns check")
        return self._checker
