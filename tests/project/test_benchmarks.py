"""What is measured is what it is called: the queries, the database, the verdicts, the builds."""

import asyncio
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from xml.etree import ElementTree as ET

import pytest

from acmedns_py.dns import name, source
from acmedns_py.dns.codes import Rcode
from acmedns_py.dns.responder import Now, Transport
from acmedns_py.store.store import SqlStore
from benchmarks import builds, cost, plot, queries, swap, zones
from benchmarks.report import Row, Settings, verdicts

RECIPE = zones.Recipe(accounts=50, values=2)
SOURCE = source.packed(b"\x7f\0\0\1", 53_000)
NOW = Now(monotonic=1.0, unix=1.0)


def answers(kind):
    """Give our answers to the queries of a kind."""
    responder = cost._responder(RECIPE)
    return [
        responder.respond(message, SOURCE, Transport.UDP, NOW)
        for message in queries.messages(kind, RECIPE.labels(), port=0)[:2000]
    ]


@pytest.mark.parametrize(
    ("kind", "rcode", "answered"),
    [
        (queries.TXT, Rcode.NOERROR, 2),
        (queries.CASE, Rcode.NOERROR, 2),
        (queries.NODATA, Rcode.NOERROR, 0),
        (queries.NXDOMAIN, Rcode.NXDOMAIN, 0),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_query_of_a_kind_gets_the_answer_of_that_kind(kind, rcode, answered):
    """So that no rate is one of errors."""
    assert {(answer[3] & 15, answer[7]) for answer in answers(kind)} == {(rcode, answered)}


def test_mixed_queries_get_all_answers_that_are_allowed_and_no_other():
    """NOERROR mostly, some NXDOMAIN and REFUSED."""
    seen = Counter(Rcode(answer[3] & 15).name for answer in answers(queries.MIX))
    assert seen.keys() == queries.MIX.rcodes
    assert seen["NOERROR"] > 1600


def test_cookies_that_are_sent_are_the_servers_own(make_server):
    """It gives the same back, as it does with those alone that it accepts."""
    server = make_server().start()
    sent = queries.messages(queries.COOKIE, RECIPE.labels(), port=server.dns[1])[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(sent, server.dns)
        answer = sock.recv(4096)
    option = sent[-28:]
    assert option[:4] == b"\0\x0a\0\x18"
    assert answer.endswith(option)


def test_mixed_case_changes_letters_only():
    """Lengths of labels stay lengths."""
    seen = {answer[12:].split(b"\x04auth")[0].lower() for answer in answers(queries.CASE)}
    assert len(seen) == RECIPE.accounts
    assert any(message != message.lower() for message in queries.messages(queries.CASE, RECIPE.labels(), port=0))


async def test_database_is_one_that_the_store_has_nothing_to_do_with(tmp_path, monkeypatch):
    """All accounts and values are live, and nothing leaves the window."""
    monkeypatch.setenv("ACMEDNS_TESTS_CACHE", str(tmp_path / "cache"))
    commits = []
    url = await asyncio.to_thread(zones.database, tmp_path, RECIPE, called="first")
    with closing(sqlite3.connect(tmp_path / "first.db")) as connection:
        assert connection.execute("SELECT count(*), sum(superseded) FROM txt").fetchall() == [(100, 0)]
    store = await SqlStore.open(
        url,
        apex=name.from_text(zones.ZONE),
        window_seconds=1,
        max_values=100,
        on_commit=commits.append,
    )
    await store.expire()
    state = await store.load()
    await store.close()
    expected = {queries.challenge_name(label): sorted(v.encode() for v in values) for label, values in RECIPE.rows()}
    assert {owner: sorted(values) for owner, values in state.challenges.items()} == expected
    assert commits == []


def test_pure_build_has_no_compiled_module_of_ours(tmp_path):
    """It runs the copy, not what is installed."""
    pure = builds.builds(tmp_path)[-1]
    python = pure.command[0]
    found = subprocess.run(
        [python, "-I", "-c", "import acmedns_py, aiohttp; print(acmedns_py.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout.strip()
    assert found.startswith(str(tmp_path))
    assert list((tmp_path / "pure-package").rglob("*.so")) == []
    version = subprocess.run([*pure.command, "--version"], capture_output=True, text=True, check=True).stdout
    assert "0." in version


def test_build_that_counts_nothing_answers_all_the_same(tmp_path):
    """Every line that counts is found, and taken out."""
    python = builds.uncounted(tmp_path).command[0]
    program = (
        "from acmedns_py.dns.responder import Responder, Policy\n"
        "door = Responder(apex=bytes((1, 97, 0)), txt_ttl=1, policy=Policy(cookie_secrets=(bytes(16),)))\n"
        "from acmedns_py.dns.responder import Now, Transport\n"
        "query = bytes((0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 6, 0, 1))\n"
        "answer = door.respond(query, bytes((2, 0, 4, 4, 127, 0, 0, 1)), Transport.UDP, Now(1.0, 1.0))\n"
        "print(len(answer) >= len(query), sum(door.counters().values()))"
    )
    said = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "0"]


@pytest.mark.parametrize(
    ("value", "at_most", "verdict"),
    [
        (0.5, False, "NOT REACHED"),
        (0.8, False, "reached"),
        (1.0, False, "aim met"),
        (3.0, True, "NOT REACHED"),
        (0.9, True, "reached"),
        (0.7, True, "aim met"),
    ],
)
def test_verdict_follows_from_reach_and_aim(value, at_most, verdict):
    """In both directions."""
    reach, aim = (1.0, 0.75) if at_most else (0.75, 1.0)
    row = Row("what", value, " of NSD", reach, aim, at_most=at_most)
    assert row.verdict() == verdict
    assert verdicts([row]).endswith(verdict)


def test_plot_is_well_formed_and_has_all_points_within_it():
    """An XML parser reads it, and nothing lies outside."""
    panel = plot.Panel("a < b", "x", "y", {"one": [(1, 1), (100, 7.5)]}, [(1, "1"), (100, "100")], logarithmic=True)
    root = ET.fromstring(plot.svg([panel], "caption & more"))  # noqa: S314 - our own text
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert [float(circle.get("cx")) for circle in circles] == [plot.LEFT, plot.WIDTH - plot.RIGHT]
    assert all(plot.TOP <= float(circle.get("cy")) <= plot.HEIGHT - plot.BOTTOM for circle in circles)


def test_unknown_parts_are_refused_by_name():
    """A slip of the pen does not measure everything else."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "txt", "speed"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no such part: speed" in done.stderr


def test_exchange_of_the_certificate_fails_no_request(tmp_path, capsys):
    """The real server, asked by processes of their own at the rate of the measurement; how fast it is is not judged."""
    rate, failed, broken = swap.run(Settings(tmp_path, rounds=1, seconds=2.0, many=1))
    assert rate.value > 0
    assert (failed.value, broken.value) == (0, 0), capsys.readouterr().out
    assert "(0 times)" not in rate.what
