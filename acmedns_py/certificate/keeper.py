"""Keeps the API's certificate valid: waits until the rule says so, gets a new one, has it served, begins again.

Before a CA is asked for anything, the pause that a failure would bring is written down. So whatever ends the process,
and however often it is started again, no CA is asked faster than the rule allows.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import structlog

from acmedns_py.certificate import rule
from acmedns_py.certificate.background import in_background
from acmedns_py.certificate.ca import CertificateAuthority
from acmedns_py.certificate.facts import Facts, facts, time_text
from acmedns_py.certificate.options import Access, Wanted
from acmedns_py.certificate.pem import SELF_SIGNED, Certificate, make_key, read_certificate, self_signed
from acmedns_py.certificate.proving import Proving, Publish, Show
from acmedns_py.certificate.rule import Pause
from acmedns_py.certificate.state import Order, State
from acmedns_py.dns import name
from acmedns_py.dns.caa import obstacle
from acmedns_py.dns.rrset import RRset
from acmedns_py.errors import AcmednsError, NotIssued, Unusable
from acmedns_py.log import quoted

LOOK_SECONDS: Final = 3600.0
"""The longest sleep: clocks are set, and machines suspended."""

Caa = Callable[[str], RRset | None]
"""Gives the CAA records that count for a host, where they are this server's own."""

_REASONS: Final = {
    "unspecified": 0,
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
}
"""Why the holder of a certificate may have it revoked (RFC 5280 5.3.1)."""

_REVOKING: Final = "the certificate is being revoked at this moment; ask again when that is done"
_ENDED: Final = "nothing looks after the certificate any more; see the log, and restart the server"
_ORDERING: Final = "a certificate is being ordered at this moment; ask again when that is done"

log = structlog.get_logger(__name__)


class Keeper:
    """`prepare` before the API listens, `run` from then on."""

    def __init__(
        self,
        wanted: Wanted,
        access: Access,
        *,
        owners: Mapping[str, bytes],
        state: State,
        show: Show = lambda _texts: None,
    ) -> None:
        """`owners` has for each wanted name that is proved by DNS the one, folded, in wire form, at which that is seen.

        The others are proved by what `show` answers over HTTP.
        """
        self._wanted = wanted
        self._access = access
        self._owners = owners
        self._state = state
        self._proving = Proving(show)
        self.path = state.certificate_path
        """The certificate's file, with its key in it: there once `prepare` is done."""
        self._account_key = b""
        self._certificate: Certificate | None = None
        self._suggested: float | None = None
        self._ask_again = 0.0
        self._pause: Pause | None = None
        self._revoked = ""
        self._hindrance: str | None = None
        self._revoking = False
        self._ended = False
        self._told_failed: Callable[[], None] = lambda: None
        self._asked = asyncio.Event()
        # Held while the CA is asked for something that counts.
        self._turn = asyncio.Lock()

    def prepare(self) -> None:
        """Read what was kept and see that there is a certificate to listen with; raises `ConfigError`."""
        self._state.prepare()
        self._account_key = self._state.account_key(self._wanted.directory)
        now = time.time()
        try:
            self._certificate = self._state.certificate()
        except Unusable as error:
            log.warning("certificate_unusable", problem=f"{error}; it was moved to {self._state.set_aside()}")
        kept = self._certificate
        if kept is None or (kept.directory == SELF_SIGNED and not (self._fits(kept) and self._left(now) > 0)):
            self._certificate = self_signed(self._wanted.names, self._wanted.key_type, now)
            self._state.keep_certificate(self._certificate)
        order = self._state.order()
        if order is not None and self._certificate is not None and self._certificate.pem.startswith(order.key.encode()):
            # Killed between the two: another look at this order would bring the same certificate.
            self._state.drop_order()
        self._pause = self._state.pause(now)
        self._revoked = self._state.revoked()

    async def run(
        self, *, publish: Publish, exchanged: Callable[[], None], caa: Caa, failed: Callable[[], None] = lambda: None
    ) -> None:
        """Renew until cancelled; `exchanged` is called when there is another certificate to serve, `failed` when none.

        That is after each try that came to nothing.
        """
        self._told_failed = failed
        try:
            while True:
                now = time.time()
                due = await self._round(publish, exchanged, caa, now)
                with contextlib.suppress(TimeoutError):
                    # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
                    async with asyncio.timeout(max(0.0, min(due - now, LOOK_SECONDS))):
                        await self._asked.wait()
        except asyncio.CancelledError:
            raise
        except BaseException:
            # Nobody waits for this task: whoever asks from here on must hear of it.
            log.exception("certificate_given_up")
            self._ended = True
            raise

    async def _round(self, publish: Publish, exchanged: Callable[[], None], caa: Caa, now: float) -> float:
        """Try for a certificate where one is due; gives when the next round is. Raises no `Exception`."""
        asked = self._asked.is_set()
        self._asked.clear()
        try:
            await self._proving.clear(publish)
            due = self._open(now) if asked else await self._due(now)
            if due <= now:
                async with self._turn:
                    # Whoever has asked while the turn was another's is served by this try.
                    self._asked.clear()
                    await self._try(publish, exchanged, caa, now)
        except AcmednsError as error:
            # What can't be noted is not tried: the CA is left alone until it can.
            log.error("certificate_not_kept", problem=str(error))
            self._hindrance = str(error)
        except Exception as error:
            # The supervisor of all rounds: the next one may do better.
            log.exception("certificate_failed")
            self._hindrance = f"unforeseen: {type(error).__name__}: {error}"
        else:
            self._hindrance = None
            return due
        return now + rule.SHORTEST_PAUSE

    def renew(self, *, force: bool) -> str | None:
        """Have a try begin at once; gives in one line why none does.

        With `force` one begins though none is due, and in a pause of our own. What the CA wants is kept to. Raises
        `Unusable` while a revocation runs: whether a try follows is for the CA to say; and where `run` has ended.
        """
        if self._ended:
            raise Unusable(_ENDED)
        if self._revoking:
            raise Unusable(_REVOKING)
        if self._busy():
            return None
        now = time.time()
        pause = self._pause.seen(now) if self._pause is not None else None
        if pause is not None and now < pause.ca_until:
            return f"the CA wants to be left alone until {time_text(pause.ca_until)}, forced or not: {pause.reason}"
        if not force and pause is not None and pause.failures and now < pause.until:
            return f"the last try failed, and the next is due at {time_text(pause.until)}: {pause.reason}"
        if not force and self._is_wanted() and now < (renewal := self._renewal()):
            return f"nothing is due until {time_text(renewal)}"
        self._asked.set()
        return None

    async def revoke(self, reason: str) -> None:
        """Have the CA revoke the certificate, for one of `_REASONS`; then a try for another, with a new key, begins.

        Raises `Unusable`, `ConfigError`, and `NotIssued` where the CA has not revoked it.
        """
        certificate = self._certificate
        assert certificate is not None, "prepared"
        if reason not in _REASONS:
            raise Unusable(f"reason = {quoted(reason)} is none; write one of {', '.join(_REASONS)}")
        if certificate.directory != self._wanted.directory:
            raise Unusable(f"the certificate is of {certificate.directory}, and not of {self._wanted.directory}")
        if self._busy():
            raise Unusable(_REVOKING if self._revoking else _ORDERING)
        async with self._turn:
            self._revoking = True
            try:
                await self._revoke(certificate, _REASONS[reason])
            finally:
                self._revoking = False
        log.warning("certificate_revoked", serial=certificate.serial_text, reason=reason)
        self._asked.set()

    async def _revoke(self, certificate: Certificate, reason: int) -> None:
        authority = self._authority()
        await in_background(authority.enter)
        # Its key lies beside the one that is given up.
        await asyncio.to_thread(self._state.drop_order)
        # Noted first: killed after the CA's yes, the next life must know. One that has not been revoked is then
        # renewed without need, which does no harm.
        before = self._revoked
        await self._note_revoked(certificate.serial_text)
        try:
            await in_background(lambda: authority.revoke(certificate, reason))
        except NotIssued as error:
            if error.retry_after:
                await self._note(rule.left_alone(self._pause, time.time(), str(error), error.retry_after))
            if error.refused:
                await self._note_revoked(before)
                undone = "the certificate is not revoked; this is not tried again by itself"
                raise NotIssued(f"{error}; {undone}", retry_after=error.retry_after, refused=True) from error
            # So the note stays true, whatever has become of the request.
            self._asked.set()
            when = "when the CA allows" if error.retry_after else "now"
            raise NotIssued(f"{error}; it may be revoked all the same, so another one is ordered {when}") from error

    def shown(self) -> Facts:
        """What there is to tell to operators; `at_work` while a try or a revocation goes on."""
        found = self._facts()
        return {
            **found,
            "renewal": self._planned(),
            "at_work": self._busy(),
        }

    @property
    def certified(self) -> bool:
        """Whether a CA's certificate is served, however old."""
        return self._certificate is not None and self._certificate.directory != SELF_SIGNED

    @property
    def renewal(self) -> float:
        """When the certificate is to be renewed, in Unix time: from its first moment on where another is wanted."""
        assert self._certificate is not None, "prepared"
        return self._renewal() if self._is_wanted() else self._certificate.life.not_before

    def standing(self) -> dict[str, Any]:
        """What is served, what is to come, and why the last try came to nothing, for people and monitoring."""
        found = self._facts()
        same = {name: found[name] for name in ("issuer", "names", "expires", "problem", "failures")}
        return {**same, "renewal": self._planned(), "not_before": found["next_try_not_before"]}

    def _facts(self) -> Facts:
        assert self._certificate is not None, "prepared"
        found = facts(self._certificate, self._pause, file=self.path, revoked=self._revoked)
        return {**found, "problem": _ENDED if self._ended else self._hindrance or found["problem"]}

    def _busy(self) -> bool:
        return self._turn.locked() or (self._asked.is_set() and not self._ended)

    def _planned(self) -> str:
        return time_text(self._renewal()) if self._is_wanted() else "due"

    def _open(self, now: float) -> float:
        """Give the time from which the CA lets itself be asked."""
        return max(now, self._pause.seen(now).ca_until if self._pause is not None else now)

    async def _due(self, now: float) -> float:
        """Give the time of the next try."""
        if self._pause is not None:
            seen = self._pause.seen(now)
            if seen is not self._pause:
                await self._note(seen)
            if now < seen.until:
                return seen.until
        if not self._is_wanted():
            return now
        if now >= self._ask_again:
            await self._ask(now)
        return min(self._renewal(), max(self._ask_again, now + rule.SHORTEST_PAUSE))

    def _renewal(self) -> float:
        assert self._certificate is not None, "prepared"
        return rule.renewal_time(self._certificate.life, jitter=self._certificate.jitter, suggested=self._suggested)

    async def _ask(self, now: float) -> None:
        """Ask the CA when it would have the certificate renewed; a CA that can't be asked changes nothing."""
        certificate = self._certificate
        assert certificate is not None, "prepared"
        # Noted first: whatever comes of it, the certificate is looked after on without.
        self._ask_again = now + LOOK_SECONDS
        try:
            suggested, again = await in_background(lambda: self._authority().suggested(certificate))
        except NotIssued as error:
            log.debug("certificate_renewal_time_unknown", problem=str(error))
        else:
            self._suggested = suggested
            self._ask_again = min(max(again, now + rule.SHORTEST_PAUSE), now + rule.LONGEST_PAUSE)

    async def _try(self, publish: Publish, exchanged: Callable[[], None], caa: Caa, now: float) -> None:
        """Try to get a certificate; whatever comes of it is followed by a pause."""
        before = self._pause
        await self._note(self._failed(before, now, "the last try was interrupted"))
        try:
            certificate = await self._issued(publish, caa)
        except AcmednsError as error:
            retry_after = error.retry_after if isinstance(error, NotIssued) else 0.0
            pause = self._failed(before, time.time(), str(error), retry_after)
            log.warning(
                "certificate_not_issued", problem=pause.reason, failures=pause.failures, again=time_text(pause.until)
            )
            self._told_failed()
        except Exception as error:
            # The supervisor of all tries: whatever it is, the CA must be left alone for a while.
            pause = self._failed(before, time.time(), f"unforeseen: {type(error).__name__}: {error}")
            log.exception("certificate_failed", failures=pause.failures, again=time_text(pause.until))
            self._told_failed()
        else:
            exchanged()
            pause = self._judged(certificate, before, time.time())
            log.info(
                "certificate_issued",
                names=sorted(certificate.names),
                serial=certificate.serial_text,
                expires=time_text(certificate.life.not_after),
                renewal=time_text(self._renewal()),
            )
        # In this life it counts even where it can't be noted: the CA has been asked.
        self._pause = pause
        await self._note(pause)

    def _judged(self, certificate: Certificate, before: Pause | None, now: float) -> Pause:
        """Give the pause after an issued certificate; one that can't be valid now must not bring the next at once."""
        life = certificate.life
        if not life.not_before <= now < life.not_after or not self._is_wanted():
            reason = (
                f"the new certificate is for {', '.join(sorted(certificate.names))}, "
                f"from {time_text(life.not_before)} to {time_text(life.not_after)}; "
                "see that this machine's clock is right"
            )
            log.warning("certificate_of_no_use", problem=reason)
            return self._failed(before, now, reason)
        return rule.rest(life, now)

    async def _issued(self, publish: Publish, caa: Caa) -> Certificate:
        """Get a certificate, by the order in progress where there is one; raises `AcmednsError`."""
        authority = self._authority()
        await in_background(authority.enter)
        self._heed(caa, authority.identities())
        order = await self._order(authority)
        proofs = await in_background(lambda: authority.proofs(order, self._owners))
        if proofs:
            await self._proving.prove(authority, proofs, publish)
        chain = await in_background(lambda: authority.finish(order))
        certificate = _read(order, chain)
        await asyncio.to_thread(self._state.keep_certificate, certificate)
        await asyncio.to_thread(self._state.drop_order)
        self._certificate = certificate
        self._suggested, self._ask_again = None, 0.0
        return certificate

    def _heed(self, caa: Caa, identities: frozenset[str]) -> None:
        """Raise `NotIssued` where our own records would have the CA refuse: asking it would cost a failure there."""
        for host in self._wanted.names:
            found = caa(host)
            method = "dns-01" if host in self._owners else "http-01"
            if found is not None and identities and obstacle(found.rdatas, identities, method=method) is not None:
                issuer = min(identities)
                raise NotIssued(
                    f"{host}: the CAA records of {name.to_text(found.owner)} in zone.records do not let this CA issue "
                    f'by {method}; add CAA 0 issue "{issuer}" there, or use another directory'
                )

    async def _order(self, authority: CertificateAuthority) -> Order:
        kept = await asyncio.to_thread(self._state.order)
        if kept is not None:
            if kept.wanted == self._wanted and await in_background(lambda: authority.goes_on(kept)):
                return kept
            await asyncio.to_thread(self._state.drop_order)
        replaced = self._certificate if self._is_wanted() else None
        key = await asyncio.to_thread(make_key, self._wanted.key_type)
        order = await in_background(lambda: authority.begin(self._wanted, key, replaced))
        await asyncio.to_thread(self._state.keep_order, order)
        return order

    def _authority(self) -> CertificateAuthority:
        return CertificateAuthority(self._wanted.directory, self._access, self._account_key)

    def _is_wanted(self) -> bool:
        """Whether the certificate is what the options ask for, however old."""
        return (
            self._certificate is not None
            and self._certificate.directory == self._wanted.directory
            and self._fits(self._certificate)
            and self._certificate.serial_text != self._revoked
        )

    def _fits(self, certificate: Certificate) -> bool:
        return certificate.names == set(self._wanted.names) and certificate.key_type == self._wanted.key_type

    def _left(self, now: float) -> float:
        """Give what is left of the life of a certificate that clients accept."""
        assert self._certificate is not None, "prepared"
        return self._certificate.life.not_after - now

    def _failed(self, before: Pause | None, now: float, reason: str, retry_after: float = 0.0) -> Pause:
        left = self._left(now) if self._is_wanted() else 0.0
        jitter = random.random()  # noqa: S311 - spreads load, guards nothing
        return rule.failed(before, now, reason=reason, left=left, jitter=jitter, retry_after=retry_after)

    async def _note_revoked(self, serial: str) -> None:
        keep = self._state.keep_revoked
        await asyncio.to_thread(partial(keep, serial) if serial else self._state.drop_revoked)
        self._revoked = serial

    async def _note(self, pause: Pause) -> None:
        await asyncio.to_thread(self._state.keep_pause, pause)
        self._pause = pause


def _read(order: Order, chain: bytes) -> Certificate:
    try:
        return read_certificate(order.key.encode() + chain, order.wanted.directory)
    except Unusable as error:
        raise NotIssued(f"what {order.wanted.directory} has issued {error}") from None
