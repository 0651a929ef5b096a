"""What is said of a CA's refusal, by the problem documents of Let's Encrypt's Boulder and of Pebble."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acmedns_py.certificate.diagnosis import Refusal, clock_off, explained, unproved
from acmedns_py.dns import name

HOST = "auth.example.org"
IN_ZONE = name.from_text("_acme-challenge.auth.example.org")
BY_ALIAS = name.from_text("_acme-challenge.acme.example.net")
OVER_HTTP = "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ"

NXDOMAIN = "DNS problem: NXDOMAIN looking up TXT for _acme-challenge.auth.example.org - check that a DNS record exists"
SERVFAIL = "DNS problem: SERVFAIL looking up TXT for _acme-challenge.auth.example.org - the domain's nameservers may be"
LATE = "During secondary validation: DNS problem: query timed out looking up TXT for _acme-challenge.auth.example.org"
INCORRECT = 'Incorrect TXT record "xCAAy" (and 1 more) found at _acme-challenge.auth.example.org'
ADDRESSLESS = "no valid A records found for auth.example.org; no valid AAAA records found for auth.example.org"
NO_ADDRESS = "DNS problem: NXDOMAIN looking up A for auth.example.org - check that a DNS record exists for this domain"
FIREWALL = "198.51.100.7: Fetching http://auth.example.org/x: Timeout during connect (likely firewall problem)"
STRANGER = "198.51.100.7: Invalid response from http://auth.example.org/x: 404"
CAA_LATE = "DNS problem: query timed out looking up CAA for org"
PEBBLE_3 = 'Error retrieving TXT records for DNS challenge ("DNS lookup returned an unsuccessful response: 3")'

TOLD = [
    (IN_ZONE, "dns", NXDOMAIN, "the CA does not find the name server of auth.example.org; delegate the zone"),
    (IN_ZONE, "unauthorized", PEBBLE_3, "the CA does not find the name server of auth.example.org; delegate the zone"),
    (IN_ZONE, "dns", SERVFAIL, "the CA gets no answer from the name servers of auth.example.org; see that port 53"),
    (IN_ZONE, "dns", LATE, "the CA gets no answer from the name servers of auth.example.org; see that port 53"),
    (
        IN_ZONE,
        "unauthorized",
        INCORRECT,
        "the CA does not find the TXT record of _acme-challenge.auth.example.org that",
    ),
    (
        BY_ALIAS,
        "dns",
        NXDOMAIN,
        "the CA does not find our TXT record at _acme-challenge.auth.example.org; make it a CNAME",
    ),
    (
        BY_ALIAS,
        "unauthorized",
        INCORRECT,
        "the CA does not find our TXT record at _acme-challenge.auth.example.org; ma",
    ),
    (BY_ALIAS, "dns", LATE, "the CA gets no answer for _acme-challenge.auth.example.org; see that the name servers of"),
    (OVER_HTTP, "dns", NO_ADDRESS, "the CA finds no address of auth.example.org; give it an A or AAAA record"),
    (OVER_HTTP, "dns", ADDRESSLESS, "the CA finds no address of auth.example.org; give it an A or AAAA record"),
    (OVER_HTTP, "dns", SERVFAIL, "the CA gets no answer from the name servers of auth.example.org; see that they"),
    (OVER_HTTP, "connection", FIREWALL, "the CA does not get through to port 80 of auth.example.org; see that each"),
    (OVER_HTTP, "unauthorized", STRANGER, "another server answers at port 80 of auth.example.org; see that each"),
    (
        IN_ZONE,
        "caa",
        "CAA record for auth.example.org prevents issuance",
        "a CAA record of the name, of what it is an alias",
    ),
    (
        OVER_HTTP,
        "caa",
        "CAA record for auth.example.org prevents issuance",
        "a CAA record of the name, of what it is an alias",
    ),
    (
        OVER_HTTP,
        "dns",
        CAA_LATE,
        "a name server of auth.example.org or of a zone above it does not answer questions for CAA",
    ),
    (IN_ZONE, "dnssec", "DNSSEC: bogus", "a signed zone above has a wrong DS or signature"),
    (IN_ZONE, "serverInternal", "out of coffee", "the CA does not find the TXT record of _acme-challenge."),
]


@pytest.mark.parametrize(("place", "kind", "words", "begins"), TOLD)
def test_cause_and_cure_stand_before_the_words_of_the_ca(place, kind, words, begins):
    """By type, words, and where the CA was to look."""
    told = unproved(Refusal((kind,), words), HOST, place)
    assert told.startswith(f"{HOST}: {begins}"), told
    assert told.endswith(f'; the CA says "{words}" ({kind})')


def test_cure_is_found_in_a_part():
    """RFC 8555 6.7.1: the document is malformed or unauthorized as a whole, its parts say why."""
    subject = "Error finalizing order :: Rechecking CAA"
    told = explained(Refusal(("unauthorized", "caa"), subject))
    assert told.startswith("a CAA record of the name, of what it is an alias of, or of a zone above forbids this CA")
    assert told.endswith(f'the CA says "{subject}" (unauthorized)')
    assert explained(Refusal(("malformed",), "x")) == 'the CA says "x" (malformed)'


@given(
    st.lists(st.sampled_from(["dns", "connection", "caa", "x", ""]), min_size=1, max_size=3),
    st.text(st.characters(exclude_categories=("C", "Z")), max_size=60),
    st.sampled_from([IN_ZONE, BY_ALIAS, OVER_HTTP]),
)
def test_words_of_any_ca_are_kept(kinds, words, place):
    """One line that begins with the name and ends with them."""
    told = unproved(Refusal(tuple(kinds), words), HOST, place)
    assert "\n" not in told
    assert told.startswith(f"{HOST}: ")
    assert told.endswith(f'; the CA says "{words}" ({kinds[0]})')


@pytest.mark.parametrize(
    ("ahead", "says"),
    [
        (299, None),
        (-299, None),
        (300, "5 min ahead of"),
        (-7200, "2 h behind"),
        (-3 * 86_400, "3 days behind"),
        (400 * 86_400, "400 days ahead of"),
    ],
)
def test_clock_that_is_off_is_said_by_how_much(ahead, says):
    """From five minutes on, in a unit that people read."""
    assert clock_off(ahead) == (says and f"this machine's clock is {says} the CA's; set it")
