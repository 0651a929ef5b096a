"""Has a CA see that the names are ours: what it is to see is shown, by DNS and over HTTP, and taken away again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from acmedns_py.certificate.background import in_background
from acmedns_py.certificate.ca import CertificateAuthority, Proof
from acmedns_py.errors import AcmednsError, NotIssued

POLL_SECONDS: Final = 2.0
"""Between two looks at what the CA thinks of a proof."""

VALIDATION_SECONDS: Final = 180.0
"""How long a CA may take to look."""

Publish = Callable[[Mapping[bytes, tuple[bytes, ...]]], Awaitable[None]]
"""Serves TXT values at names of the zone, in place of those before; returns when every worker does."""

Show = Callable[[Mapping[str, str]], None]
"""Answers texts over HTTP, by path, in place of those before."""


log = structlog.get_logger(__name__)


class Proving:
    """What is shown at present."""

    def __init__(self, show: Show) -> None:
        """`show` is the way over HTTP."""
        self._show = show
        self._published = False

    async def prove(self, authority: CertificateAuthority, proofs: Sequence[Proof], publish: Publish) -> None:
        """Show all proofs until the CA has seen each; raises `NotIssued` where it does not like one."""
        values: dict[bytes, tuple[bytes, ...]] = {}
        texts: dict[str, str] = {}
        for proof in proofs:
            if isinstance(proof.place, str):
                texts[proof.place] = proof.value
            else:
                values[proof.place] = (*values.get(proof.place, ()), proof.value.encode())
        try:
            self._show(texts)
            if values:
                # Also one that is not confirmed may be there.
                self._published = True
                await publish(values)
            await _validated(authority, proofs)
        finally:
            self._show({})
            await self.clear(publish)

    async def clear(self, publish: Publish) -> None:
        """Take away what is left of it in the DNS; what can't be is logged, and does no harm until the next call.

        It must hide neither a success nor what the CA has said, and when it lets itself be asked again.
        """
        if not self._published:
            return
        try:
            await publish({})
        except AcmednsError as error:
            log.warning("certificate_proof_left", problem=str(error))
        else:
            self._published = False


async def _validated(authority: CertificateAuthority, proofs: Sequence[Proof]) -> None:
    for proof in proofs:
        await in_background(lambda proof=proof: authority.answer(proof))  # type: ignore[misc]
    until = time.monotonic() + VALIDATION_SECONDS
    for proof in proofs:
        while await in_background(lambda proof=proof: authority.pending(proof)):  # type: ignore[misc]
            if time.monotonic() > until:
                raise NotIssued(f"{proof.host}: the CA has not looked within {VALIDATION_SECONDS:.0f} s")
            await asyncio.sleep(POLL_SECONDS)
