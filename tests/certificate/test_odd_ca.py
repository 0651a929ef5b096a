"""No odd answer and no fault ends the looking after the certificate: told in one line, and the next try may do better."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import acme.client
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from acmedns_py.certificate import background, rule
from acmedns_py.certificate import ca as ca_module
from acmedns_py.certificate import keeper as keeper_module
from acmedns_py.certificate.ca import CertificateAuthority
from acmedns_py.certificate.options import Access
from acmedns_py.certificate.pem import Certificate, make_key, read_certificate, read_key
from acmedns_py.certificate.state import State
from acmedns_py.errors import NotIssued, StoreUnavailable, Unusable
from tests.certificate.conftest import Pebble
from tests.certificate.life import NAMES, SECONDS, Run

Answering = Callable[..., tuple[str, Access]]


def certificate_of(directory: str, *, with_issuer: bool) -> Certificate:
    """Make one that is good for 90 days and counts as this CA's; with or without the name of the issuer's key."""
    pem = make_key("p256")
    key = read_key(pem)
    nobody, now = x509.Name([]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(nobody, nobody, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in NAMES]), critical=False)
    )
    if with_issuer:
        made = made.add_extension(x509.AuthorityKeyIdentifier(b"key of the issuer", None, None), critical=False)
    return read_certificate(pem + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), directory)


WINDOW = {
    "renewalInfo": "{CA}/renewal",
    "suggestedWindow": {"start": "2999-01-01T00:00:00Z", "end": "2999-01-02T00:00:00Z"},
}
"""A directory that is the answer about renewal as well."""


@pytest.mark.parametrize(
    ("document", "with_issuer"),
    [
        (WINDOW, False),
        (b"[" * 200_000, True),
    ],
    ids=["a certificate without its issuer's key", "an array without end"],
)
async def test_renewal_goes_on_whatever_the_ca_says_about_its_time(
    tmp_path: Path, answering: Answering, document: object, *, with_issuer: bool
) -> None:
    """The CA is asked again later, and a try begins when an operator wants one."""
    directory, access = answering(200, {}, document)
    run = Run(tmp_path / "state", directory, access)
    run.state.prepare()
    run.state.keep_certificate(certificate_of(directory, with_issuer=with_issuer))
    run.keeper.prepare()
    with capture_logs() as logs:
        running = asyncio.create_task(run.start())
        async with asyncio.timeout(SECONDS):
            while not logs and not running.done():
                await asyncio.sleep(0.01)
    assert [line["event"] for line in logs] == ["certificate_renewal_time_unknown"]
    assert run.keeper.shown()["problem"] is None
    assert run.keeper.renew(force=True) is None
    await run.next_noted(running)
    assert not running.done()
    assert run.keeper.shown()["failures"] == 1
    running.cancel()


@pytest.fixture
def set_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let this process live in a time zone."""

    def to(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield to
    monkeypatch.undo()
    time.tzset()


EVERYTHING = {
    "newNonce": "{CA}/nonce",
    "newAccount": "{CA}/account",
    "newOrder": "{CA}/order",
    "status": "processing",
    "identifiers": [],
    "authorizations": [],
    "finalize": "{CA}/finalize",
}
"""Directory, account, and an order that no proof is needed for and that is being worked at."""


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("wish", ["0", "-5", "9" * 20, "9" * 400, "past", "soon", "nonsense"])
async def test_ca_that_works_at_an_order_is_not_asked_without_a_pause(
    tmp_path: Path,
    answering: Answering,
    monkeypatch: pytest.MonkeyPatch,
    set_zone: Callable[[str], None],
    zone: str,
    wish: str,
) -> None:
    """A second at least, whatever its Retry-After says and in whichever time zone this machine is; never for days."""
    set_zone(zone)
    offset = {"past": -3600, "soon": 30}.get(wish)
    text = wish if offset is None else formatdate(time.time() + offset, usegmt=True)
    directory, access = answering(
        200, {"Location": "{CA}/it", "Replay-Nonce": "bm9uY2U", "Retry-After": text}, EVERYTHING
    )
    monkeypatch.setattr(ca_module, "FINALIZE_SECONDS", 5)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise requests.ConnectionError("enough")

    monkeypatch.setattr(acme.client, "time", SimpleNamespace(sleep=nap))
    run = Run(tmp_path / "state", directory, access)
    await run.until_noted()
    assert str(run.keeper.shown()["problem"]).endswith("can't be reached: enough")
    assert len(naps) == 3
    assert all(0.9 < seconds <= 5 for seconds in naps), naps


@pytest.mark.parametrize("wish", ["9" * 20, "9" * 400, f"Thu, 26 Nov {'9' * 30} 12:00:00 GMT", "-1"])
async def test_time_of_the_next_look_at_the_window_is_bounded(tmp_path: Path, answering: Answering, wish: str) -> None:
    """A Retry-After without measure, or that is none, spoils nothing: the window itself counts (RFC 9773 4.3)."""
    directory, access = answering(200, {"Retry-After": wish, "Content-Type": "application/json"}, WINDOW)
    run = Run(tmp_path / "state", directory, access)
    run.state.prepare()
    kept = certificate_of(directory, with_issuer=True)
    run.state.keep_certificate(kept)
    run.keeper.prepare()
    before = run.keeper.renewal
    now = time.time()
    assert now < await run.keeper._due(now) <= now + rule.LONGEST_PAUSE
    # So far off is no window believed (`rule`), but it was read.
    assert run.keeper.renewal == rule.renewal_time(kept.life, jitter=0, suggested=math.inf) != before


async def test_fault_of_this_program_is_shown_and_the_next_round_goes_on(
    tmp_path: Path, make_pebble: Callable[..., Pebble], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was noted, so the CA is not asked; once that is over, the certificate comes by itself."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    run.keeper.prepare()
    monkeypatch.setattr(rule, "SHORTEST_PAUSE", 0.05)
    with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
        patch.setattr(State, "keep_pause", fails)
        running = asyncio.create_task(run.start())
        async with asyncio.timeout(SECONDS):
            while not logs and not running.done():
                await asyncio.sleep(0.01)
        assert (logs[0]["event"], logs[0]["exc_info"]) == ("certificate_failed", True)
        for told in (run.keeper.shown(), run.keeper.standing()):
            assert told["problem"] == "unforeseen: ZeroDivisionError: unthought of"
        assert pebble.orders() == 0
    await run.next_noted(running)
    assert run.keeper.shown()["problem"] is None
    assert run.keeper.certified
    running.cancel()


def fails(*_: object) -> NoReturn:
    """Fail as nobody has thought of."""
    raise ZeroDivisionError("unthought of")


class Stuck(Run):
    """One whose database takes no clean-up while `locked`."""

    locked = True

    async def publish(self, values: dict[bytes, tuple[bytes, ...]]) -> None:
        """Serve them, or not."""
        if self.locked and not values:
            raise StoreUnavailable("the database is locked")
        await super().publish(values)


async def test_certificate_is_had_though_the_proof_cannot_be_taken_away(
    tmp_path: Path, make_pebble: Callable[..., Pebble]
) -> None:
    """That is logged, and done by a later round."""
    pebble = make_pebble()
    run = Stuck(tmp_path / "state", pebble.directory, pebble.access)
    with capture_logs() as logs:
        async with run.running() as running:
            assert (run.keeper.shown()["problem"], run.keeper.certified) == (None, True)
            assert len(run.served) == 1
            run.locked = False
            assert run.keeper.renew(force=True) is None
            await run.next_noted(running)
    assert run.served[1] == {}
    left = [line["problem"] for line in logs if line["event"] == "certificate_proof_left"]
    assert set(left) == {"the database is locked"}
    assert pebble.orders() == 2


async def test_word_of_the_ca_is_kept_though_the_proof_cannot_be_taken_away(
    tmp_path: Path, make_pebble: Callable[..., Pebble], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with it the time before which it is not asked, forced or not."""

    def limited(*_: Any) -> NoReturn:
        raise NotIssued("the CA says too many", retry_after=90_000.0)

    pebble = make_pebble()
    monkeypatch.setattr(CertificateAuthority, "pending", limited)
    run = Stuck(tmp_path / "state", pebble.directory, pebble.access)
    await run.until_noted()
    assert run.keeper.shown()["problem"] == "the CA says too many"
    assert str(run.keeper.renew(force=True)).startswith("the CA wants to be left alone until ")


async def test_machine_without_a_thread_to_spare_is_named(tmp_path: Path, make_pebble: Callable[..., Pebble]) -> None:
    """As a limit of the process or of its container has it."""

    class Thread:
        def __init__(self, **_: object) -> None:
            pass

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "threading", SimpleNamespace(Thread=Thread))
        async with run.running() as running:
            problem = run.keeper.shown()["problem"]
            assert problem == "can't start new thread; see what limits the threads of this server"
            patch.undo()
            assert run.keeper.renew(force=True) is None
            await run.next_noted(running)
            assert run.keeper.shown()["problem"] is None


async def test_call_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outcome is dropped."""
    monkeypatch.setattr(background, "CALL_SECONDS", 0.05)
    held = threading.Event()
    try:
        with pytest.raises(NotIssued, match="the CA was not done after 0 s"):
            await background.in_background(held.wait)
    finally:
        held.set()


class Killed(BaseException):
    """What no supervisor holds back."""


async def test_end_of_the_looking_after_is_told_to_whoever_asks(
    tmp_path: Path, make_pebble: Callable[..., Pebble], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a try that never comes."""

    def killed(*_: Any) -> NoReturn:
        raise Killed

    pebble = make_pebble()
    monkeypatch.setattr(CertificateAuthority, "enter", killed)
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    with capture_logs() as logs, pytest.raises(Killed):
        await run.until_noted()
    assert [line["event"] for line in logs] == ["certificate_given_up"]
    shown = run.keeper.shown()
    assert (shown["problem"], shown["at_work"]) == (keeper_module._ENDED, False)
    with pytest.raises(Unusable, match="restart the server"):
        run.keeper.renew(force=True)
