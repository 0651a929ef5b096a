"""What the CAs' resolvers see of our zone, through a real delegation: unbound as Let's Encrypt's, and a strict one.

The strict one minimises, cuts below NXDOMAIN and asks with 512 octets, so most of these facts hold over TCP there.
"""

import re

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.layouts import SERVER
from tests.lab.resolvers import Kind

BOTH_KINDS = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())


def status(answer: str) -> str:
    """The rcode in dig's words."""
    found = re.search(r"status: (\w+)", answer)
    assert found, answer
    return found.group(1)


def values(answer: str) -> set[str]:
    """The TXT values in dig's answer."""
    return set(re.findall(r'IN\s+TXT\s+"([^"]*)"', answer))


def publish(lab: Laboratory, *texts: str) -> str:
    """Register, update with each value, and give the name that has them."""
    account = lab.register()
    if texts:
        lab.update_all(account, texts)
    fulldomain: str = account["fulldomain"]
    return fulldomain


def txt(number: int) -> str:
    """A value as ACME makes it."""
    return f"{number:043d}"


@BOTH_KINDS
def test_value_is_found_at_once_behind_a_cname(lab: Laboratory, kind: Kind) -> None:
    """A first look right after the 200 finds it, from the tenant's name (dns-correctness #34, #80)."""
    name = f"{kind.name.lower().replace('_', '-')}.resolver.example.org"
    target = publish(lab, txt(1), txt(2))
    lab.point(name, at=target)
    answer = lab.namespace.dig(kind.value, f"_acme-challenge.{name}", "TXT")
    assert status(answer) == "NOERROR"
    assert values(answer) == {txt(1), txt(2)}
    assert re.search(rf"CNAME\s+{target}\.", answer), answer


@BOTH_KINDS
def test_hundred_values_come_through(lab: Laboratory, kind: Kind) -> None:
    """Too big for UDP with either resolver's size: the truncated answer sends it to TCP (dns-correctness #46, #83)."""
    name = publish(lab, *map(txt, range(100)))
    answer = lab.namespace.dig(kind.value, name, "TXT")
    assert values(answer) == set(map(txt, range(100)))


@BOTH_KINDS
def test_registered_name_is_no_nxdomain(lab: Laboratory, kind: Kind) -> None:
    """NODATA for TXT and all that a minimising resolver or a CA asks on the way (dns-correctness #21, #80)."""
    name = publish(lab)
    for qtype in ("TXT", "A", "NS", "CAA", "CNAME"):
        answer = lab.namespace.dig(kind.value, name, qtype)
        assert (status(answer), "ANSWER: 0" in answer) == ("NOERROR", True), answer


@BOTH_KINDS
def test_unknown_name_is_nxdomain_for_a_minute_at_most(lab: Laboratory, kind: Kind) -> None:
    """A resolver that looked too early must not block the order for long (dns-correctness #23)."""
    answer = lab.namespace.dig(kind.value, f"never-registered.{lab.layout.zone}", "TXT")
    assert status(answer) == "NXDOMAIN"
    soa = re.search(rf"{lab.layout.zone}\.\s+(\d+)\s+IN\s+SOA", answer)
    assert soa, answer
    assert int(soa.group(1)) <= 60


@BOTH_KINDS
def test_apex_data_and_every_nameserver_resolve(lab: Laboratory, kind: Kind) -> None:
    """SOA, exactly the delegated NS set, and the addresses of each of its names (dns-correctness #27)."""
    zone = lab.layout.zone
    assert re.search(rf"{zone}\.\s.*\sIN\s+SOA\s", lab.namespace.dig(kind.value, zone, "SOA"))
    names = lab.namespace.dig(kind.value, zone, "NS", "+short").split()
    assert sorted(names) == sorted(f"{name}." for name, _ in lab.layout.delegation.nameservers)
    resolved = {
        address for name in names for qtype in ("A", "AAAA") for address in lab.namespace.dig(
            kind.value, name, qtype, "+short"
        ).split()
    }  # fmt: skip
    assert resolved == set(SERVER)


@pytest.mark.parametrize("address", SERVER)
def test_every_address_answers_from_itself_on_both_transports(lab: Laboratory, address: str) -> None:
    """Dig drops an answer from another address than it asked (dns-correctness #49, #50)."""
    name = publish(lab, txt(1))
    for options in (("+notcp",), ("+tcp",), ("+noedns", "+notcp")):
        answer = lab.namespace.dig(address, name, "TXT", "+norecurse", *options)
        assert (status(answer), values(answer)) == ("NOERROR", {txt(1)}), answer
        assert ";; flags: qr aa;" in answer
