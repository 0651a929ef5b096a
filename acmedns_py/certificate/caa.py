"""Whether the CAA records of a name let a CA issue for it by dns-01 (RFC 8659 4.2, RFC 8657 4)."""

from collections.abc import Collection, Iterable
from typing import Final

_ISSUE: Final = b"issue"
_METHODS: Final = "validationmethods"
_METHOD: Final = "dns-01"


def allowed(rdatas: Iterable[bytes], identities: Collection[str]) -> bool:
    """Judge by rdata in wire form; `identities` are the names that the CA goes by, folded.

    What is about wildcards, mail or reports says nothing of a host name, and records without `issue` forbid nothing.
    """
    issuers = [_value(rdata) for rdata in rdatas if _tag(rdata) == _ISSUE]
    return not issuers or any(_lets(issuer, identities) for issuer in issuers)


def _lets(issuer: str, identities: Collection[str]) -> bool:
    domain, *parameters = (part.strip() for part in issuer.split(";"))
    if domain.lower() not in identities:
        return False
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == _METHODS and _METHOD not in (method.strip() for method in value.split(",")):
            return False
    return True


def _tag(rdata: bytes) -> bytes:
    return rdata[2 : 2 + rdata[1]].lower()


def _value(rdata: bytes) -> str:
    return rdata[2 + rdata[1] :].decode("ascii", "replace")
