"""One batch of datagrams, drained by each of the three functions: what comes in, what goes out, and what is passed over."""

import socket
import subprocess
import sys

import pytest

from acmedns_py.worker.drain import BATCH, MAX_QUERY_OCTETS
from acmedns_py.worker.sockaddr import packed
from tests.tools import peers
from tests.worker.draining import NAMES, door, named, unchanged

HOSTS = ("127.0.0.1", "::1")
UNSENDABLE = bytes(70_000)
"""Longer than a datagram can be."""


@pytest.fixture(params=NAMES)
def name(request):
    """Which of the functions drains."""
    return request.param


@pytest.fixture
def drain(name):
    """The function."""
    return named(name)


@pytest.mark.parametrize("host", HOSTS)
def test_each_answer_goes_to_who_asked(name, drain, host):
    """Several clients in one batch; each gets the answers to its own queries, in their order."""
    with door(host, drain, wildcard=name != "plain") as (here, _):
        clients = [here.client() for _ in range(5)]
        for number in range(4):
            for who, client in enumerate(clients):
                client.send(b"%d of %d" % (number, who))
        assert here.drain(lambda octets, *_: octets[::-1]) == (20, False)
        for who, client in enumerate(clients):
            with client:
                assert [client.recv(100)[::-1] for _ in range(4)] == [b"%d of %d" % (n, who) for n in range(4)]


@pytest.mark.parametrize("host", HOSTS)
def test_the_core_gets_octets_source_and_what_the_caller_gave(name, drain, host):
    """The source is laid out as in `dns.source`, whoever made it."""
    calls = []
    with door(host, drain, wildcard=name != "plain") as (here, client):
        client.send(b"query")
        here.drain(lambda *call: calls.append(call))
        ((octets, source, transport, now),) = calls
        expected = packed(client.getsockname())
    assert octets == b"query"
    assert type(octets) is type(source) is bytes
    assert (len(source), source[2:]) == (len(expected), expected[2:])
    assert (transport.name, now.monotonic) == ("UDP", 1000.0)


def test_a_batch_is_bounded(name, drain):
    """What is left waits for the next turn of the event loop, and the caller is told that there may be more."""
    with door("127.0.0.1", drain, wildcard=name != "plain") as (here, client):
        for _ in range(BATCH + 7):
            client.send(b"x")
        assert here.drain(unchanged) == (BATCH, True)
        assert here.drain(unchanged) == (7, False)
        assert here.drain(unchanged) == (0, False)


def test_a_longer_datagram_is_cut(name, drain):
    """At the last place of a batch too, and the one behind it is whole."""
    longest = bytes(range(256)) * 20
    seen = []
    with door("127.0.0.1", drain, wildcard=name != "plain") as (here, client):
        for octets in (*[b""] * (BATCH - 2), longest, longest[1:], b"behind"):
            client.send(octets)
        while here.drain(lambda octets, *_: seen.append(octets))[1]:
            pass
    assert seen == [
        *[b""] * (BATCH - 2),
        longest[:MAX_QUERY_OCTETS],
        longest[1 : MAX_QUERY_OCTETS + 1],
        b"behind",
    ]


def test_silence_goes_to_nobody_else(name, drain):
    """Answers keep their askers where others of the batch get none."""
    with door("127.0.0.1", drain, wildcard=name != "plain") as (here, first), here.client() as second:
        for number in range(10):
            first.send(b"%d" % number)
            second.send(b"even" if number % 2 == 0 else b"odd")
        sent = here.drain(lambda octets, *_: octets if octets in b"1 3 even" else None)
        assert sent == (7, False)
        assert [first.recv(100) for _ in range(2)] == [b"1", b"3"]
        assert [second.recv(100) for _ in range(5)] == [b"even"] * 5


@pytest.mark.parametrize("host", HOSTS)
def test_what_the_network_does_not_take_is_sent_truncated(name, drain, host):
    """The core makes the form; the answers around it are sent as they are (dns-correctness #47)."""
    with door(host, drain, wildcard=name != "plain") as (here, client):
        for octets in (b"a", b"long", b"b", b"long", b"c"):
            client.send(octets)
        sent = here.drain(lambda octets, *_: UNSENDABLE if octets == b"long" else octets, lambda octets: octets[:9])
        assert sent == (5, False)
        assert [client.recv(100) for _ in range(5)] == [b"a", bytes(9), b"b", bytes(9), b"c"]


def test_a_socket_that_can_send_nothing_is_drained_all_the_same(name, drain):
    """Each query is lost alone, no call waits, and nothing counts as answered."""
    with door("127.0.0.1", drain, wildcard=name != "plain") as (here, client):
        with pytest.raises(OSError, match="not connected"):
            here.sock.shutdown(socket.SHUT_WR)
        for _ in range(BATCH + 1):
            client.send(b"x")
        assert here.drain(unchanged) == (0, True)
        assert here.drain(unchanged) == (0, False)


@pytest.mark.parametrize(("host", "others"), [("127.0.0.1", ["127.0.0.2", "127.1.2.3"]), ("::1", [])])
@pytest.mark.parametrize("which", ["batch", "wildcard"])
def test_wildcard_answers_come_from_the_address_that_was_asked(which, host, others):
    """One batch with queries to several addresses (RFC 2181 4; dns-correctness #49)."""
    with door(host, named(which), wildcard=True) as (here, client):
        asking = [client]
        for other in others:
            sock = socket.socket(here.sock.family, socket.SOCK_DGRAM)
            sock.settimeout(10)
            sock.connect((other, here.port))
            asking.append(sock)
        for sock in asking:
            sock.send(b"x")
        assert here.drain(unchanged) == (len(asking), False)
        for sock in asking:
            with sock:
                assert sock.recv(100) == b"x"


LINKS = """
ip link set lo up
ip link add near type veth peer far
ip address add 198.51.100.1/32 dev near
ip address add 198.51.100.2/32 dev far
ip address add 2001:db8::1/128 dev near nodad
ip address add 2001:db8::2/128 dev far nodad
ip address add fe80::1/64 dev near nodad
ip link set near up
ip link set far up
"""


@pytest.mark.usefixtures("drain")
def test_port_0_and_addresses_of_several_links(name):
    """A source that nothing can be sent to costs no other its answer; where an answer leaves is left to the routes."""
    for program in ("ip", "unshare"):
        peers.need(program)
    script = f"{LINKS} exec {sys.executable} -m tests.worker.odd_sources {name}"
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-ec", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "answered"
