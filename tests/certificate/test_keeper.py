"""The keeper with a real CA: what it orders, what it keeps, and that it may be killed at any moment."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import acme.client
import pytest
import requests
from josepy.b64 import b64encode
from josepy.jwk import JWKEC
from structlog.testing import capture_logs

from acmedns_py.certificate import ca as ca_module
from acmedns_py.certificate import keeper as keeper_module
from acmedns_py.certificate import rule
from acmedns_py.certificate import state as state_module
from acmedns_py.certificate.ca import CertificateAuthority
from acmedns_py.certificate.options import Wanted
from acmedns_py.certificate.pem import SELF_SIGNED, read_key
from acmedns_py.certificate.state import State
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset
from acmedns_py.errors import NotIssued, Unusable
from tests.certificate.life import NAMES, OVER_HTTP, SECONDS, Run, minute_passes


async def test_certificate_for_all_names_is_got_and_kept(tmp_path, make_pebble):
    """One value at each name, gone afterwards; the next process orders nothing."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    await run.until_noted()
    assert run.exchanges == 1
    first, last = run.served
    assert set(first) == {name.from_text(f"_acme-challenge.{host}") for host in NAMES}
    assert [len(values) for values in first.values()] == [1, 1]
    assert last == {}
    standing = run.keeper.standing()
    assert (standing["names"], standing["problem"], standing["issuer"]) == (sorted(NAMES), None, pebble.directory)
    again = Run(tmp_path / "state", pebble.directory, pebble.access)
    again.keeper.prepare()
    assert again.keeper.standing() == {**standing, "renewal": again.keeper.standing()["renewal"]}
    assert await again.keeper._due(time.time()) > time.time() + 3000
    assert pebble.orders() == 1


async def test_name_is_proved_over_http_beside_others_by_dns(tmp_path, make_pebble):
    """One text at a path of RFC 8555 8.3, with our account's thumbprint; gone afterwards. No TXT value where none is."""
    pebble = make_pebble()
    for number, hosts in enumerate(((OVER_HTTP, NAMES[0]), (OVER_HTTP,))):
        wanted = Wanted(hosts, "p256", "", pebble.directory)
        run = Run(tmp_path / f"state-{number}", pebble.directory, pebble.access, wanted=wanted)
        await run.until_noted()
        assert run.keeper.standing()["names"] == sorted(hosts)
        first, last = run.shown
        ((path, text),) = first.items()
        folder, _, token = path.rpartition("/")
        assert folder == "/.well-known/acme-challenge"
        key = JWKEC(key=read_key(run.state.account_key(pebble.directory)))
        assert text == f"{token}.{b64encode(key.thumbprint()).decode()}"
        assert last == {}
        owner = name.from_text(f"_acme-challenge.{NAMES[0]}")
        assert [set(values) for values in run.served] == ([{owner}, set()] if NAMES[0] in hosts else [])


class Killed(BaseException):
    """The process is gone at this point."""


async def test_killed_before_the_ca_has_looked_the_next_life_shows_the_same_text(tmp_path, make_pebble):
    """The order goes on, and with it what is to be seen over HTTP."""
    pebble = make_pebble()
    wanted = Wanted((OVER_HTTP,), "p256", "", pebble.directory)
    folder = tmp_path / "state"
    first = Run(folder, pebble.directory, pebble.access, wanted=wanted)
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(CertificateAuthority, "answer", lambda *_: (_ for _ in ()).throw(Killed()))
        await first.until_noted()
    minute_passes(folder)
    second = Run(folder, pebble.directory, pebble.access, wanted=wanted)
    await second.until_noted()
    assert second.shown[0] == first.shown[0]
    assert len(second.shown[0]) == 1
    assert (second.keeper.standing()["problem"], pebble.orders()) == (None, 1)


def kill_at(monkeypatch, point: int) -> Callable[[], str]:
    """Let the process die at the `point`th step that leaves a trace, on disk or at the CA; after it nothing is done.

    Each trace gives two points, before and after it. The function tells at which one it died.
    """
    steps = 0
    died = ""

    def mortal(kind: type, method: str) -> None:
        whole = getattr(kind, method)

        def run(*arguments, **named):
            nonlocal steps, died
            for moment in ("before", "after"):
                steps += 1
                if died or steps == point:
                    what = arguments[1].name if method == "_write" else method
                    died = died or f"{steps:2} {moment} {what}"
                    raise Killed
                if moment == "before":
                    result = whole(*arguments, **named)
            return result

        monkeypatch.setattr(kind, method, run)

    for method in ("_write", "drop_order"):
        mortal(State, method)
    for method in ("enter", "begin", "answer", "finish"):
        mortal(CertificateAuthority, method)
    return lambda: died


async def test_killed_at_any_step_it_ends_with_a_certificate(tmp_path, make_pebble):
    """Every step that leaves a trace, before and after it: the next life gets the certificate, by the same order.

    Only an order whose number was never written down is lost.
    """
    pebble = make_pebble()
    table = {}
    for point in range(1, 100):
        folder = tmp_path / f"state-{point}"
        before = pebble.orders()
        with pytest.MonkeyPatch.context() as patch:
            where = kill_at(patch, point)
            with contextlib.suppress(Killed):
                await Run(folder, pebble.directory, pebble.access).until_noted()
        if not where():
            break
        minute_passes(folder)
        run = Run(folder, pebble.directory, pebble.access)
        run.keeper.prepare()
        if await run.keeper._due(time.time()) <= time.time():
            run = Run(folder, pebble.directory, pebble.access)
            await run.until_noted()
        kept = run.state.certificate()
        assert kept is not None
        assert (kept.directory, kept.names) == (pebble.directory, frozenset(NAMES)), where()
        assert run.state.order() is None, where()
        table[where()] = pebble.orders() - before
    assert len(table) >= 20
    lost = {where for where, orders in table.items() if orders != 1}
    assert {where[3:] for where in lost} == {"after begin", "before order.json"}, table
    assert {table[where] for where in lost} == {2}


async def test_try_is_noted_before_the_ca_is_asked(tmp_path, make_pebble, monkeypatch):
    """Killed again and again without a minute passing, it asks once."""
    pebble = make_pebble()
    folder = tmp_path / "state"
    for _ in range(5):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CertificateAuthority, "answer", lambda *_: (_ for _ in ()).throw(Killed()))
            run = Run(folder, pebble.directory, pebble.access)
            run.keeper.prepare()
            if await run.keeper._due(time.time()) <= time.time():
                with contextlib.suppress(Killed):
                    await run.until_noted()
    assert pebble.orders() == 1
    run = Run(folder, pebble.directory, pebble.access)
    run.keeper.prepare()
    assert run.keeper.standing()["problem"] == "the last try was interrupted"


async def test_disk_that_is_full_asks_no_ca(tmp_path, make_pebble, monkeypatch):
    """What can't be noted is not tried; once there is room, the certificate comes."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    run.keeper.prepare()
    monkeypatch.setattr(rule, "SHORTEST_PAUSE", 0.05)
    full = asyncio.Event()
    with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
        loop = asyncio.get_running_loop()

        def refuse(_descriptor):
            loop.call_soon_threadsafe(full.set)
            raise OSError(28, "No space left on device")

        patch.setattr(state_module.os, "fsync", refuse)
        running = asyncio.create_task(run.keeper.run(publish=run.publish, exchanged=run.exchanged, caa=run.caa.get))
        async with asyncio.timeout(SECONDS):
            await full.wait()
            while not logs:
                await asyncio.sleep(0.01)
        assert (logs[0]["event"], "No space left" in logs[0]["problem"]) == ("certificate_not_kept", True)
        assert pebble.orders() == 0
        # Nothing was tried, so nothing has failed, and no pause grows.
        assert run.keeper.standing()["failures"] == 0
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    await run.until_noted()
    assert run.exchanges == 1


@pytest.mark.parametrize("percent", [15, 50, 80])
async def test_nonces_refused_at_random_cost_no_order(tmp_path, make_pebble, percent):
    """As Pebble can: however many tries it takes, each goes on with the same order."""
    pebble = make_pebble(env={"PEBBLE_WFE_NONCEREJECT": f"{percent}"})
    for _ in range(60):
        run = Run(tmp_path / "state", pebble.directory, pebble.access)
        await run.until_noted()
        problem = run.keeper.standing()["problem"]
        if problem is None:
            break
        assert "badNonce" in problem
        minute_passes(tmp_path / "state")
    assert run.keeper.certified
    assert pebble.orders() == 1


async def test_names_that_the_ca_still_believes_in_need_no_proof(tmp_path, make_pebble):
    """A CA may take an authorization that it has given already (RFC 8555 7.1.3); nothing is published then."""
    pebble = make_pebble(env={"PEBBLE_AUTHZREUSE": "100"})
    folder = tmp_path / "state"
    await Run(folder, pebble.directory, pebble.access).until_noted()
    minute_passes(folder)
    again = Run(folder, pebble.directory, pebble.access, wanted=Wanted(NAMES, "p384", "", pebble.directory))
    await again.until_noted()
    assert (again.keeper.standing()["problem"], again.exchanges, again.served) == (None, 1, [])
    assert pebble.orders() == 2


async def test_external_account_is_asked_for_and_used(tmp_path, make_pebble):
    """Without its key one line names the options; with it there is a certificate; neither shows the key."""
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    pebble = make_pebble(externalAccountBindingRequired=True, externalAccountMACKeys={"kid-1": key})
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    await run.until_noted()
    assert "set certificate.eab_key_id and certificate.eab_hmac_key" in run.keeper.standing()["problem"]
    minute_passes(tmp_path / "state")
    access = replace(pebble.access, eab_key_id="kid-1", eab_hmac_key=key, contact="admin@example.org")
    run = Run(tmp_path / "state", pebble.directory, access)
    await run.until_noted()
    assert run.keeper.standing()["problem"] is None
    assert key not in repr(access)


async def test_profile_and_key_are_as_wanted(tmp_path, make_pebble):
    """Another wish means another certificate; a profile that the CA does not have is told in its words."""
    six_days = 6 * 86_400
    profiles = {
        "default": {"description": "default", "validityPeriod": 90 * 86_400},
        "shortlived": {"description": "short", "validityPeriod": six_days},
    }
    pebble = make_pebble(profiles=profiles)
    for key_type in ("p256", "p384", "rsa2048"):
        minute_passes(tmp_path / "state")
        wanted = Wanted(NAMES, key_type, "shortlived", pebble.directory)
        run = Run(tmp_path / "state", pebble.directory, pebble.access, wanted=wanted)
        await run.until_noted()
        kept = run.state.certificate()
        assert kept is not None
        assert kept.key_type == key_type
        assert abs(kept.life.length - six_days) < 60
    minute_passes(tmp_path / "other")
    wanted = Wanted(NAMES, "p256", "nonesuch", pebble.directory)
    run = Run(tmp_path / "other", pebble.directory, pebble.access, wanted=wanted)
    await run.until_noted()
    assert "nonesuch" in run.keeper.standing()["problem"]
    assert run.keeper.standing()["issuer"] == SELF_SIGNED


async def test_ca_that_has_forgotten_everything(tmp_path, make_pebble):
    """Account and order are gone there: both are made anew with the same account key."""
    first = make_pebble()
    folder = tmp_path / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CertificateAuthority, "answer", lambda *_: (_ for _ in ()).throw(Killed()))
        with contextlib.suppress(Killed):
            await Run(folder, first.directory, first.access).until_noted()
    (key,) = [path.read_bytes() for path in folder.glob("account-*.pem")]
    first.process.kill()
    first.process.wait()
    second = make_pebble(port=int(first.directory.rpartition(":")[2].partition("/")[0]))
    minute_passes(folder)
    run = Run(folder, second.directory, second.access)
    await run.until_noted()
    assert run.keeper.standing()["problem"] is None
    assert second.orders() == 1
    assert [path.read_bytes() for path in folder.glob("account-*.pem")] == [key]


async def test_certificate_of_an_issuer_or_account_that_the_ca_has_forgotten_is_renewed(tmp_path, make_pebble):
    """Such a CA refuses an order that says which certificate it replaces (RFC 9773 5), and takes it without."""
    first = make_pebble()
    folder = tmp_path / "state"
    await Run(folder, first.directory, first.access).until_noted()
    serial = State(folder).certificate().serial_text
    first.process.kill()
    first.process.wait()
    second = make_pebble(port=int(first.directory.rpartition(":")[2].partition("/")[0]))
    for orders in (1, 2):
        run = Run(folder, second.directory, second.access)
        run.keeper.prepare()
        assert run.keeper.renew(force=True) is None
        await run.until_noted()
        assert (run.keeper.standing()["problem"], second.orders()) == (None, orders)
        assert run.keeper.shown()["serial"] != serial
        (key,) = folder.glob("account-*.pem")
        key.unlink()


async def test_answer_without_an_end_is_not_read_to_it(tmp_path, answering):
    """A CA, or what stands in its place, can't fill the memory."""
    directory, access = answering(200, {}, b"x" * (ca_module.ANSWER_OCTETS + 1))
    run = Run(tmp_path / "state", directory, access)
    await run.until_noted()
    assert "its answer is longer than 1048576 octets" in run.keeper.standing()["problem"]


async def test_ca_that_forgets_everything_in_the_middle(tmp_path, make_pebble):
    """Account and order are gone between two requests: one line, and the next try of the same life makes both anew."""
    pebbles = [make_pebble()]
    answer = CertificateAuthority.answer

    def forgets(authority, proof):
        if len(pebbles) == 1:
            pebbles[0].process.kill()
            pebbles[0].process.wait()
            pebbles.append(make_pebble(port=int(pebbles[0].directory.rpartition(":")[2].partition("/")[0])))
        answer(authority, proof)

    folder = tmp_path / "state"
    run = Run(folder, pebbles[0].directory, pebbles[0].access)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CertificateAuthority, "answer", forgets)
        async with run.running() as running:
            problem = run.keeper.standing()["problem"]
            assert "the CA does not know this server's account any more; the next try makes it anew" in problem
            assert "\n" not in problem
            assert run.served[-1] == {}
            assert run.keeper.renew(force=True) is None
            await run.next_noted(running)
            assert run.keeper.standing()["problem"] is None
    assert [pebble.orders() for pebble in pebbles] == [1, 1]
    assert len(list(folder.glob("account-*.pem"))) == 1


async def test_ca_that_goes_away_in_the_middle(tmp_path, make_pebble):
    """One line, a pause, and the same certificate is served on."""
    pebble = make_pebble()
    answer = CertificateAuthority.answer

    def gone(authority, proof):
        answer(authority, proof)
        pebble.process.kill()
        pebble.process.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CertificateAuthority, "answer", gone)
        run = Run(tmp_path / "state", pebble.directory, pebble.access)
        await run.until_noted()
    standing = run.keeper.standing()
    assert "can't be reached" in standing["problem"]
    assert (standing["failures"], standing["issuer"]) == (1, SELF_SIGNED)
    assert run.served[-1] == {}


async def test_renewal_window_that_was_moved_forward(tmp_path, make_pebble):
    """A CA that must revoke says so by its window (RFC 9773): renewed at once, not with the last third."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    await run.until_noted()
    kept = run.state.certificate()
    assert kept is not None
    past = {"suggestedWindow": {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}}
    leaf = kept.pem[kept.pem.index(b"-----BEGIN CERTIFICATE") :].decode().partition("-----END CERTIFICATE-----")
    reply = await asyncio.to_thread(
        requests.post,
        f"{pebble.management}/set-renewal-info/",
        json={"certificate": leaf[0] + leaf[1] + "\n", "ariResponse": json.dumps(past)},
        verify=str(pebble.access.ca_bundle),
        timeout=10,
    )
    assert reply.ok, reply.text
    # What was just issued has its rest first, whatever the CA says.
    again = Run(tmp_path / "state", pebble.directory, pebble.access)
    again.keeper.prepare()
    assert await again.keeper._due(time.time()) > time.time() + 3000
    minute_passes(tmp_path / "state")
    again = Run(tmp_path / "state", pebble.directory, pebble.access)
    await again.until_noted()
    assert pebble.orders() == 2
    assert "is a replacement of" in pebble.log.read_text()
    renewed = again.state.certificate()
    assert renewed is not None
    assert renewed.serial != kept.serial


async def test_clock_that_is_off_is_named(tmp_path, make_pebble, monkeypatch):
    """A certificate that is not valid by our clock is served, and no second one is ordered at once."""
    pebble = make_pebble()
    skewed = SimpleNamespace(time=lambda: time.time() + 400 * 86_400, monotonic=time.monotonic)
    monkeypatch.setattr(keeper_module, "time", skewed)
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    await run.until_noted()
    standing = run.keeper.standing()
    assert "see that this machine's clock is right" in standing["problem"]
    assert (standing["failures"], standing["issuer"]) == (1, pebble.directory)
    assert run.exchanges == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "90000"}, 90_000),
        ({"Retry-After": "Thu, 26 Nov 2026 12:00:00 GMT", "Date": "Wed, 25 Nov 2026 12:00:00 GMT"}, 86_400),
        ({"Retry-After": "99999999"}, 7 * 86_400),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "Thu, 26 Nov 2099 12:00:00 GMT"}, 7 * 86_400),
        ({"Retry-After": "Thu, 26 Nov 2026 12:00:00", "Date": "Wed, 25 Nov 2026 12:00:00 -0000"}, 86_400),
        ({"Retry-After": f"Thu, 26 Nov {'9' * 30} 12:00:00 GMT"}, 60),
    ],
)
async def test_limit_of_the_ca_is_obeyed(tmp_path, answering, headers, seconds):
    """A rate-limit problem (RFC 8555 6.6): its words are kept, its Retry-After is the least of the pause."""
    problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many\ncertificates"}
    directory, access = answering(429, headers, problem)
    run = Run(tmp_path / "state", directory, access)
    await run.until_noted()
    assert 'the CA says "too many certificates" (rateLimited)' in run.keeper.standing()["problem"]
    pause = run.state.pause(time.time())
    assert pause is not None
    assert seconds - 1 <= pause.until - pause.since <= max(seconds, 120) + 1


@pytest.mark.parametrize(("status", "document"), [(200, []), (200, {}), (200, {"newNonce": 1}), (500, "x"), (404, {})])
async def test_what_is_no_ca_is_named(tmp_path, answering, status, document):
    """One line, whatever it answers."""
    directory, access = answering(status, {}, document)
    run = Run(tmp_path / "state", directory, access)
    await run.until_noted()
    problem = run.keeper.standing()["problem"]
    assert "unforeseen" not in problem
    assert "\n" not in problem
    assert run.keeper.standing()["failures"] == 1


async def test_account_that_was_closed_is_named(tmp_path, make_pebble):
    """One line says what to do; the certificate stays, and a moved key begins a new account."""
    pebble = make_pebble()
    folder = tmp_path / "state"
    run = Run(folder, pebble.directory, pebble.access)
    await run.until_noted()
    (key,) = folder.glob("account-*.pem")
    authority = CertificateAuthority(pebble.directory, pebble.access, key.read_bytes())
    await asyncio.to_thread(authority.enter)
    client = authority._entered()
    await asyncio.to_thread(client.deactivate_registration, client.net.account)
    minute_passes(folder)
    wanted = replace(run.wanted, key_type="p384")
    closed = Run(folder, pebble.directory, pebble.access, wanted=wanted)
    await closed.until_noted()
    standing = closed.keeper.standing()
    assert "move the key of this one in certificate.state_dir away" in standing["problem"]
    assert (standing["issuer"], standing["failures"]) == (pebble.directory, 1)
    minute_passes(folder)
    key.rename(tmp_path / "moved.pem")
    again = Run(folder, pebble.directory, pebble.access, wanted=wanted)
    await again.until_noted()
    assert again.keeper.standing()["problem"] is None


async def test_renewal_is_had_when_it_is_due_or_forced(tmp_path, make_pebble):
    """Not due: one line until when. Forced: at once, even in the rest after a success."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    async with run.running() as running:
        first = run.keeper.shown()
        assert run.keeper.renew(force=False) == f"nothing is due until {first['renewal']}"
        assert run.keeper.renew(force=True) is None
        assert run.keeper.shown()["at_work"]
        # Asked twice, ordered once.
        assert run.keeper.renew(force=True) is None
        await run.next_noted(running)
        shown = run.keeper.shown()
    assert shown["serial"] != first["serial"]
    assert (shown["problem"], shown["revoked"]) == (None, False)
    assert (pebble.orders(), run.exchanges) == (2, 2)


async def test_pause_of_ours_is_passed_over_and_that_of_the_ca_is_not(tmp_path, answering):
    """--force is for who has mended something here; a CA's Retry-After (RFC 8555 6.6) is kept to."""
    directory, access = answering(500, {}, {})
    run = Run(tmp_path / "ours", directory, access)
    async with run.running() as running:
        while run.keeper.shown()["at_work"]:
            await asyncio.sleep(0)
        assert "the last try failed, and the next is due at" in run.keeper.renew(force=False)
        assert run.keeper.renew(force=True) is None
        await run.next_noted(running)
        assert run.keeper.shown()["failures"] == 2
    problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many"}
    directory, access = answering(429, {"Retry-After": "90000"}, problem)
    run = Run(tmp_path / "theirs", directory, access)
    await run.until_noted()
    # A restart changes nothing.
    run = Run(tmp_path / "theirs", directory, access)
    run.keeper.prepare()
    for force in (False, True):
        told = run.keeper.renew(force=force)
        assert told.startswith("the CA wants to be left alone until ")
        assert "too many" in told
    assert not run.keeper.shown()["at_work"]


def revoked_at(pebble, serial) -> bool:
    """Whether the CA says so."""
    reply = requests.get(
        f"{pebble.management}/cert-status-by-serial/{serial}", verify=str(pebble.access.ca_bundle), timeout=10
    )
    assert reply.ok, reply.text
    return reply.json()["Status"] == "Revoked"


async def test_revoked_certificate_is_followed_by_one_with_another_key(tmp_path, make_pebble):
    """And the CA knows it; a second wish while the first is done is refused."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    async with run.running() as running:
        first = run.state.certificate()
        with pytest.raises(Unusable, match="write one of unspecified, keyCompromise"):
            await run.keeper.revoke("boredom")
        revoking = asyncio.create_task(run.keeper.revoke("keyCompromise"))
        await asyncio.sleep(0)
        with pytest.raises(Unusable, match="ask again when that is done"):
            await run.keeper.revoke("keyCompromise")
        await revoking
        await run.next_noted(running)
    second = run.state.certificate()
    assert await asyncio.to_thread(revoked_at, pebble, first.serial_text)
    assert not await asyncio.to_thread(revoked_at, pebble, second.serial_text)
    assert read_key(first.pem) != read_key(second.pem)
    assert (pebble.orders(), run.keeper.shown()["revoked"]) == (2, False)


async def test_killed_after_a_revocation_the_next_life_orders_anew(tmp_path, make_pebble):
    """The certificate that is kept is known as a revoked one."""
    pebble = make_pebble()
    folder = tmp_path / "state"
    run = Run(folder, pebble.directory, pebble.access)
    await run.until_noted()
    first = run.state.certificate()
    whole = CertificateAuthority.revoke

    def killed(*arguments):
        whole(*arguments)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CertificateAuthority, "revoke", killed)
        with contextlib.suppress(Killed):
            await run.keeper.revoke("superseded")
    minute_passes(folder)
    again = Run(folder, pebble.directory, pebble.access)
    again.keeper.prepare()
    # Not by the CA's renewal window, which such a CA may do without.
    assert (again.keeper.shown()["revoked"], again.keeper.shown()["renewal"]) == (True, "due")
    async with again.running():
        assert again.keeper.shown()["serial"] != first.serial_text
    assert await asyncio.to_thread(revoked_at, pebble, first.serial_text)
    assert pebble.orders() == 2


async def test_certificate_that_the_ca_does_not_revoke_stays(tmp_path, make_pebble):
    """A CA that is away or says no: its words, and nothing is ordered; one that is self-signed has no CA."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    await run.until_noted()
    first = run.keeper.shown()
    # Pebble knows but some of the reasons of RFC 5280 5.3.1.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(keeper_module._REASONS, "unspecified", 99)
        with pytest.raises(NotIssued, match=r"the CA says .*\(badRevocationReason\)"):
            await run.keeper.revoke("unspecified")
    assert run.keeper.shown() == first
    pebble.process.kill()
    pebble.process.wait()
    with pytest.raises(NotIssued, match="can't be reached"):
        await run.keeper.revoke("unspecified")
    assert run.keeper.shown() == first
    again = Run(tmp_path / "state", pebble.directory, pebble.access)
    again.keeper.prepare()
    assert again.keeper.shown()["renewal"] != "due"
    other = Run(tmp_path / "other", pebble.directory, pebble.access)
    other.keeper.prepare()
    with pytest.raises(Unusable, match="the certificate is of self-signed"):
        await other.keeper.revoke("unspecified")


async def test_revocation_whose_answer_is_lost_counts_as_done(tmp_path, make_pebble):
    """The CA may have done it: the operator is told so, and another certificate is ordered, in the next life too."""
    pebble = make_pebble()
    folder = tmp_path / "state"
    run = Run(folder, pebble.directory, pebble.access)
    whole = acme.client.ClientNetwork.post

    def lost(network, url, *arguments, **named):
        reply = whole(network, url, *arguments, **named)
        if "revoke" in url:
            raise requests.ConnectionError("Connection reset by peer")
        return reply

    async with run.running() as running:
        first = run.state.certificate()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(acme.client.ClientNetwork, "post", lost)
            with pytest.raises(NotIssued, match=r"Connection reset by peer; it may be revoked all the same") as caught:
                await run.keeper.revoke("superseded")
        assert "\n" not in str(caught.value)
        assert State(folder).revoked() == first.serial_text
        await run.next_noted(running)
        shown = run.keeper.shown()
    assert (shown["revoked"], shown["problem"], pebble.orders()) == (False, None, 2)
    assert shown["serial"] != first.serial_text
    assert await asyncio.to_thread(revoked_at, pebble, first.serial_text)


@pytest.mark.parametrize(("code", "words"), [("rateLimited", "not revoked; this is not tried"), ("serverInternal", "")])
async def test_ca_that_wants_to_be_left_alone_at_a_revocation_is(tmp_path, make_pebble, code, words):
    """Also where it may have been done, and another certificate is due."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)

    def busy(*_):
        raise NotIssued(f"the CA is busy ({code})", retry_after=3600.0, refused=code == "rateLimited")

    async with run.running():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CertificateAuthority, "revoke", busy)
            with pytest.raises(NotIssued, match=words or "another one is ordered when the CA allows"):
                await run.keeper.revoke("superseded")
        assert "the CA wants to be left alone until" in (run.keeper.renew(force=True) or "") or not words
        pause = State(tmp_path / "state").pause(time.time())
        assert pause.ca_until > time.time() + 3000
    assert pebble.orders() == 1


@pytest.mark.parametrize("step", ["drop_order", "keep_revoked"])
async def test_revocation_that_cannot_be_noted_is_not_asked_for(tmp_path, make_pebble, step):
    """A disk that takes nothing: the CA hears nothing, and neither memory nor disk believes in a revocation."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    await run.until_noted()
    first = run.keeper.shown()

    def full(*_):
        raise Unusable("No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(State, step, full)
        with pytest.raises(Unusable, match="No space left"):
            await run.keeper.revoke("superseded")
    assert run.keeper.shown() == first
    assert State(tmp_path / "state").revoked() == ""
    assert not await asyncio.to_thread(revoked_at, pebble, first["serial"])


async def test_renewal_is_refused_while_a_revocation_runs(tmp_path, make_pebble):
    """What comes of that is open: the CA may say no, and then nothing is ordered."""
    pebble = make_pebble()
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    async with run.running() as running:
        while run.keeper.shown()["at_work"]:
            await asyncio.sleep(0)
        revoking = asyncio.create_task(run.keeper.revoke("superseded"))
        await asyncio.sleep(0)
        for force in (False, True):
            with pytest.raises(Unusable, match="is being revoked at this moment; ask again when that is done"):
                run.keeper.renew(force=force)
        await revoking
        # From here on it is sure that another one is ordered.
        assert run.keeper.renew(force=False) is None
        await run.next_noted(running)
    assert pebble.orders() == 2


async def test_caa_of_ours_that_forbids_the_ca_is_named_before_the_order(tmp_path, make_pebble):
    """Nothing is ordered; one that goes by several names needs one of them."""
    record = RRset(name.from_text(NAMES[0]), RRType.CAA, 300, (b"\0\5issueother.example",))
    for identities, orders in ((["ca.example"], 0), (["Other.example", "ca.example"], 1)):
        pebble = make_pebble(caaIdentities=identities)
        run = Run(tmp_path / f"state-{len(identities)}-{orders}", pebble.directory, pebble.access)
        run.caa[NAMES[0]] = record
        await run.until_noted()
        assert pebble.orders() == orders
        problem = run.keeper.standing()["problem"]
        assert (problem is None) == (orders == 1), problem
        if problem:
            assert problem.startswith(f"{NAMES[0]}: the CAA records of {NAMES[0]}. in zone.records do not let this CA")
            assert 'add CAA 0 issue "ca.example" there' in problem


async def test_caa_that_forbids_the_method_is_named_before_the_order(tmp_path, make_pebble):
    """Each name by the method that it is proved by (RFC 8657 4)."""
    for host, method, other in ((NAMES[0], "dns-01", "http-01"), (OVER_HTTP, "http-01", "dns-01")):
        pebble = make_pebble(caaIdentities=["ca.example"])
        value = f"issueca.example; validationmethods={other}".encode()
        wanted = Wanted((host,), "p256", "", pebble.directory)
        run = Run(tmp_path / method, pebble.directory, pebble.access, wanted=wanted)
        run.caa[host] = RRset(name.from_text(host), RRType.CAA, 300, (b"\0\5" + value,))
        await run.until_noted()
        assert f"do not let this CA issue by {method}" in run.keeper.standing()["problem"]
        assert pebble.orders() == 0


@pytest.mark.parametrize(
    ("days", "says"),
    [(-40, "is not valid yet; set the clock"), (40, "is not valid any more; set the clock, or renew that")],
)
async def test_clock_by_which_the_ca_is_not_valid_is_named(tmp_path, answering, days, says):
    """Its own certificate is not yet, or not any more; nothing else about it is wrong."""
    middle = datetime.now(UTC) - timedelta(days=days)
    validity = {"not_before": middle - timedelta(days=30), "not_after": middle + timedelta(days=30)}
    directory, access = answering(200, {}, {}, **validity)
    run = Run(tmp_path / "state", directory, access)
    await run.until_noted()
    problem = run.keeper.standing()["problem"]
    assert problem.startswith("this machine's clock says 2")
    assert says in problem
    assert f"{directory} can't be trusted: " in problem
    assert "ca_bundle" not in problem or days > 0


async def test_clock_that_is_not_the_ca_s_is_named_before_what_failed(tmp_path, answering):
    """By the time in the CA's answer; its refusal follows in its words."""
    problem = {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA record for api.example.org prevents issuance"}
    for ahead, begins in (
        (timedelta(days=3), "this machine's clock is 3 days ahead of the CA's; set it; a CAA record of the name, of"),
        (timedelta(hours=-5), "this machine's clock is 5 h behind the CA's; set it; a CAA record of the name, of"),
        (timedelta(), "a CAA record of the name, of what it is an alias of, or of a zone above forbids this CA"),
    ):
        date = format_datetime(datetime.now(UTC) - ahead, usegmt=True)
        directory, access = answering(403, {"Date": date}, problem)
        run = Run(tmp_path / f"state-{ahead.total_seconds():.0f}", directory, access)
        await run.until_noted()
        told = run.keeper.standing()["problem"]
        assert told.startswith(begins), told
        assert told.endswith('; the CA says "CAA record for api.example.org prevents issuance" (caa)')


async def test_clock_that_is_not_the_ca_s_is_logged_and_stops_nothing(tmp_path, make_pebble, monkeypatch):
    """Before anything is ordered; a certificate may well come of it."""
    pebble = make_pebble()
    monkeypatch.setattr(ca_module, "time", SimpleNamespace(time=lambda: time.time() - 7200))
    run = Run(tmp_path / "state", pebble.directory, pebble.access)
    with capture_logs() as logs:
        await run.until_noted()
    (line,) = [line for line in logs if line["event"] == "certificate_clock_off"]
    assert line["problem"] == "this machine's clock is 2 h behind the CA's; set it"
    assert run.keeper.standing()["problem"] is None


@pytest.mark.parametrize(
    ("problem", "begins"),
    [
        (
            {"type": "caa", "detail": "CAA record for auth.example.org prevents issuance"},
            "auth.example.org: a CAA record of the name, of what it is an alias of, or of a zone above forbids this CA",
        ),
        (
            {"type": "dns", "detail": "DNS problem: NXDOMAIN looking up TXT for _acme-challenge.auth.example.org"},
            "auth.example.org: the CA does not find the name server of auth.example.org; delegate the zone",
        ),
        (
            {"type": "connection", "detail": "198.51.100.7: Timeout during connect (likely firewall problem)"},
            "www.example.com: the CA does not get through to port 80 of www.example.com; see that",
        ),
    ],
)
async def test_refusal_of_a_proof_is_told_by_what_was_proved(tmp_path, make_pebble, monkeypatch, problem, begins):
    """As Let's Encrypt words it, which Pebble has no way to: put into its authorizations on their way to us."""
    pebble = make_pebble()
    looked = False
    answer, network = CertificateAuthority.answer, ca_module._Network

    def answered(authority, proof):
        nonlocal looked
        answer(authority, proof)
        looked = True

    def refusing(*arguments, **options):
        made = network(*arguments, **options)
        made.session.hooks["response"].append(refuse)
        return made

    def refuse(response, **_how):
        if looked and "json" in response.headers.get("Content-Type", "") and "challenges" in response.json():
            document = {**response.json(), "status": "invalid"}
            error = {**problem, "type": f"urn:ietf:params:acme:error:{problem['type']}"}
            document["challenges"] = [{**each, "status": "invalid", "error": error} for each in document["challenges"]]
            response._content = json.dumps(document).encode()

    monkeypatch.setattr(CertificateAuthority, "answer", answered)
    monkeypatch.setattr(ca_module, "_Network", refusing)
    wanted = Wanted((begins.partition(":")[0],), "p256", "", pebble.directory)
    run = Run(tmp_path / "state", pebble.directory, pebble.access, wanted=wanted)
    await run.until_noted()
    told = run.keeper.standing()["problem"]
    assert told.startswith(begins), told
    assert told.endswith(f'; the CA says "{problem["detail"]}" ({problem["type"]})')
