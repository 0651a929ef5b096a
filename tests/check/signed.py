"""Zones signed for the lab, whole or with one signature that does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdtypes.dnskeybase import Flag

from tests.lab.nameserver import SOA, TTL


def signed(apex: str, lines: Sequence[str], *, forged: Sequence[tuple[str, str]] = ()) -> tuple[list[str], str]:
    """Give the lines of a zone with its signatures, and its trust anchor; sets in `forged`, by name and type, a wrong one."""
    top = f"{apex}." if apex else "."
    text = "\n".join([f"$ORIGIN .\n$TTL {TTL}", f"{top} SOA {SOA.format(serial=1)}", *lines, ""])
    zone = dns.zone.from_text(text, origin=top, relativize=False)
    key = ec.generate_private_key(ec.SECP256R1())
    record = dns.dnssec.make_dnskey(key.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=Flag.ZONE | Flag.SEP)
    now = datetime.now(UTC)
    with zone.writer() as writer:
        dns.dnssec.sign_zone(
            zone,
            writer,
            keys=[(key, record)],
            inception=now - timedelta(days=1),
            expiration=now + timedelta(days=7),
            dnskey_ttl=TTL,
        )
        for name, rrtype in forged:
            owner = dns.name.from_text(name)
            found = writer.get(owner, dns.rdatatype.RRSIG, dns.rdatatype.from_text(rrtype))
            assert found is not None, f"no signed {rrtype} record at {name}"
            rdata = found[0]
            wrong = bytes((rdata.signature[0] ^ 1, *rdata.signature[1:]))
            writer.replace(owner, found.ttl, rdata.replace(signature=wrong))
    anchor = dns.dnssec.make_ds(top, record, "SHA256")
    return zone.to_text(relativize=False).splitlines(), f"{top} IN DS {anchor}"
