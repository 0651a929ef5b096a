"""Hosts as people write them, and judgement of whatever facts servers can bring about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.check import caa, hosts, resolvers
from acmedns_py.check.facts import Answer, Problem, Question
from acmedns_py.check.finding import MOST_CHARACTERS
from acmedns_py.check.paths import Ending, Host, Link, Path, host_from_text
from acmedns_py.check.walk import Cut, Lookup, Nameserver
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.rrset import RRset

ZONE = name.from_text("acme.example.org")


@pytest.mark.parametrize(
    ("text", "host", "challenge"),
    [
        ("www.example.org", "www.example.org", "_acme-challenge.www.example.org."),
        ("WWW.Example.ORG.", "www.example.org", "_acme-challenge.www.example.org."),
        ("*.example.org", "*.example.org", "_acme-challenge.example.org."),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", "_acme-challenge.xn--bcher-kva.example."),
    ],
)
def test_a_host_is_read(text, host, challenge):
    """A wildcard is proven at the name below which it is (RFC 8555 8.4)."""
    read = host_from_text(text)
    assert read.text == host
    assert name.to_text(read.challenge) == challenge


@pytest.mark.parametrize("text", ["", ".", "*.", "a..b", "bücher.example", "a b", ".".join(["x" * 60] * 4), "x" * 64])
def test_what_is_no_host_is_refused(text):
    """Also a name that leaves no room for the challenge's label."""
    with pytest.raises(name.InvalidName):
        host_from_text(text)


@given(st.text(max_size=300))
def test_any_text_is_a_host_or_is_refused(text):
    """And a host is read again as itself."""
    try:
        host = host_from_text(text)
    except name.InvalidName:
        return
    assert host_from_text(host.text) == host


names = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5).map(
    lambda labels: b"".join(bytes((len(label),)) + label.lower() for label in labels) + b"\0"
)
txts = st.binary(max_size=60).map(lambda value: bytes((len(value),)) + value)
caas = st.tuples(st.integers(0, 255), st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), st.binary(max_size=40)).map(
    lambda parts: bytes((parts[0], len(parts[1]))) + parts[1].encode() + parts[2]
)


def sets(owner):
    """RRsets that an answer about `owner` may hold."""
    ttl = st.integers(0, 2**31 - 1)
    return st.lists(
        st.one_of(
            st.builds(lambda to, ttl: RRset(owner, RRType.CNAME, ttl, (to,)), names, ttl),
            st.builds(lambda data, ttl: RRset(owner, RRType.TXT, ttl, (data,)), txts, ttl),
            st.builds(lambda other, ttl: RRset(other, RRType.SOA, ttl, (bytes(22),)), names, ttl),
        ),
        max_size=3,
    ).map(tuple)


@st.composite
def answers(draw, owner):
    """What a server may answer."""
    question = Question(owner, RRType.TXT)
    if (problem := draw(st.none() | st.sampled_from(Problem))) is not None:
        return Answer(question, "192.0.2.1", problem)
    return Answer(
        question,
        "192.0.2.1",
        rcode=draw(st.sampled_from([0, 2, 3, 5, 4095])),
        authoritative=draw(st.booleans()),
        answer=draw(sets(owner)),
        authority=draw(sets(owner)),
        extended_errors=draw(st.sampled_from([(), ("15 (\x1b[1m)",), ("6",)])),
    )


@st.composite
def paths(draw):
    """Paths as a walk makes them: whatever goes on or ends otherwise than broken has a usable answer."""
    host = Host(draw(names), wildcard=draw(st.booleans()))
    links, owner = [], host.challenge
    ending = draw(st.sampled_from(Ending))
    for left in range(draw(st.integers(0, 3)), -1, -1):
        last = left == 0
        good = draw(answers(owner).filter(lambda one: one.problem is None))
        alias = () if last and ending is not Ending.LOOP else (RRset(owner, RRType.CNAME, 60, (draw(names),)),)
        first = Answer(good.question, good.address, authoritative=True, answer=alias or good.answer)
        apex = ZONE if last and ending is Ending.REACHED else draw(names)
        given = (*draw(st.lists(answers(owner), max_size=2)),)
        told = given if last and ending is Ending.BROKEN else (first, *given)
        links.append(Link(owner, Cut(apex, (Nameserver(b"\0", ("192.0.2.1",)),)), told))
        owner = alias[0].rdatas[0] if alias else owner
    beside = draw(st.none() | answers(host.challenge).filter(lambda one: one.problem is None))
    return Path(host, tuple(links), ending, beside, beside)


def fit_for_a_terminal(findings):
    """Whether nothing in findings moves a cursor or fills the screen."""
    for finding in findings:
        for text in (finding.subject, finding.seen, finding.repeat, *finding.paste):
            assert text.isprintable()
            assert len(text) < 12 * MOST_CHARACTERS


@given(paths())
def test_any_path_is_judged(path):
    """Whatever servers say on the way."""
    if path.ending is Ending.BROKEN and path.last.usable:
        return
    fit_for_a_terminal(hosts.judge([path], ZONE))


@given(names, st.lists(caas, max_size=4), st.booleans(), st.sampled_from(["", "the server failed"]))
def test_any_records_are_judged(owner, rdatas, wildcard, broken):
    """CAA records as dnspython lets them through."""
    rrset = RRset(owner, RRType.CAA, 60, tuple(dict.fromkeys(rdatas))) if rdatas else None
    answer = Answer(Question(owner, RRType.CAA), "192.0.2.1")
    climb = caa.Climb(Host(owner, wildcard), ((owner, Lookup(rrset, (answer,), broken=broken)),))
    fit_for_a_terminal(caa.judge([climb], caa.Wanted(frozenset({"ca.example"}))))


@given(paths().filter(lambda path: path.ending is not Ending.BROKEN), st.data())
def test_any_view_is_judged(path, data):
    """What a resolver says of it, and says without validation."""
    answer = data.draw(answers(path.host.challenge))
    unchecked = data.draw(st.none() | answers(path.host.challenge))
    fit_for_a_terminal(resolvers.judge([resolvers.View(answer, path, unchecked)]))
