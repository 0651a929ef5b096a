"""What a CA's refusal means for whoever runs this server, and what to do about it: our line before the CA's words.

The type of an error (RFC 8555 6.7) is told by every CA. Which of several causes it was stands in the words alone: known
here are those of Boulder (Let's Encrypt) and Pebble. Whatever is not known gets the text that is true for all causes.
"""

import re
from dataclasses import dataclass
from typing import Final

from acmedns_py.dns import name

CLOCK_SECONDS: Final = 300.0
"""How far our clock may be from a CA's before it is worth a word; what depends on clocks here allows for an hour."""

_CHALLENGE_PATH: Final = "/.well-known/acme-challenge/"
"""RFC 8555 8.3."""

ACCOUNT_GONE: Final = "to begin with a new account there, move the key of this one in certificate.state_dir away"
ACCOUNT_WANTED: Final = "set certificate.eab_key_id and certificate.eab_hmac_key as the CA gave them"

_CURES: Final = {
    "accountDoesNotExist": "the CA does not know this server's account any more; the next try makes it anew",
    "caa": (
        "a CAA record of the name, of what it is an alias of, or of a zone above forbids this CA or this way to prove "
        "the name; allow it there (validationmethods as well), or use another directory"
    ),
    "dnssec": "a signed zone above has a wrong DS or signature; mend it there",
    "externalAccountRequired": f"the CA takes known customers only; {ACCOUNT_WANTED}",
    "invalidContact": "the CA does not take the mail address; correct certificate.contact",
    "rateLimited": "the CA has been asked too often; it is left alone until it allows more",
    "rejectedIdentifier": "the CA does not issue for one of the names; write others in api.hostnames",
    "unsupportedContact": "the CA does not take the mail address; correct certificate.contact",
}
"""What is wrong and what to do, by type of error, whatever it was that the CA was asked for."""

_NO_NAME: Final = re.compile(r"NXDOMAIN|no such host|unsuccessful response: 3")
_NO_ADDRESS: Final = re.compile(r"no valid A{1,4} records|could not resolve")
_FOR_CAA: Final = re.compile(r"\bCAA\b")
_SILENT: Final = re.compile(
    r"SERVFAIL|REFUSED|connection refused|timed out|networking error|i/o timeout|unsuccessful response: [25]"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A CA's problem document (RFC 8555 6.7): its own type and those of its parts, without their prefix, and its words.

    All of `words` is one line.
    """

    kinds: tuple[str, ...]
    words: str

    def __str__(self) -> str:
        """Give the CA's words as such."""
        return f'the CA says "{self.words}" ({self.kinds[0]})'


def explained(refusal: Refusal) -> str:
    """Tell what is wrong, as far as that is known, and what the CA says."""
    cure = next((_CURES[kind] for kind in refusal.kinds if kind in _CURES), None)
    return f"{cure}; {refusal}" if cure is not None else str(refusal)


def unproved(refusal: Refusal, host: str, place: bytes | str) -> str:
    """Tell why the CA does not believe that `host` is ours.

    `place` is where it was to look: a name of our zone (wire form), or a path of HTTP.
    """
    kinds = refusal.kinds
    if any(kind in _CURES for kind in kinds):
        return f"{host}: {explained(refusal)}"
    if _FOR_CAA.search(refusal.words):
        cure = f"a name server of {host} or of a zone above it does not answer questions for CAA; mend it there"
    elif isinstance(place, str):
        cure = _unproved_over_http(refusal, host)
    elif place == name.from_text(f"{name.CHALLENGE}.{host}"):
        cure = _unproved_in_the_zone(refusal, host)
    else:
        cure = _unproved_by_alias(refusal, host, name.to_text(place))
    return f"{host}: {cure}; {refusal}"


def clock_off(ahead: float) -> str | None:
    """Say that our clock is not the CA's, by its seconds before it; None where the two agree."""
    if abs(ahead) < CLOCK_SECONDS:
        return None
    way = "ahead of" if ahead > 0 else "behind"
    return f"this machine's clock is {_length(abs(ahead))} {way} the CA's; set it"


def _unproved_in_the_zone(refusal: Refusal, host: str) -> str:
    if _SILENT.search(refusal.words) or "connection" in refusal.kinds:
        return (
            f"the CA gets no answer from the name servers of {host}; see that port 53 of this server is reached from "
            "outside over UDP and TCP, that the zone above delegates to it alone, and has no DS record that is wrong"
        )
    if _NO_NAME.search(refusal.words):
        return (
            f"the CA does not find the name server of {host}; delegate the zone to this server by NS records in the "
            "zone above it (acmedns check tells which)"
        )
    return (
        f"the CA does not find the TXT record of {name.CHALLENGE}.{host} that is here; see that the NS records in the "
        "zone above delegate the zone to this server, and to no other that does not have it"
    )


def _unproved_by_alias(refusal: Refusal, host: str, target: str) -> str:
    alias = f"{name.CHALLENGE}.{host}"
    if _SILENT.search(refusal.words) or "connection" in refusal.kinds:
        return (
            f"the CA gets no answer for {alias}; see that the name servers of {host} answer, and that port 53 of this "
            f"server, where a CNAME leads to {target}, is reached from outside over UDP and TCP"
        )
    return (
        f"the CA does not find our TXT record at {alias}; make it a CNAME to {target} and nothing else, see that the "
        "zone of that is delegated to this server, or prove the name over HTTP by certificate.http_listen"
    )


def _unproved_over_http(refusal: Refusal, host: str) -> str:
    if _NO_NAME.search(refusal.words) or _NO_ADDRESS.search(refusal.words):
        return f"the CA finds no address of {host}; give it an A or AAAA record that leads to this server"
    if "dns" in refusal.kinds or "while resolving" in refusal.words:
        return f"the CA gets no answer from the name servers of {host}; see that they answer from outside"
    if "connection" in refusal.kinds:
        return (
            f"the CA does not get through to port 80 of {host}; see that each of its A and AAAA records leads to this "
            "server, and port 80 from outside to certificate.http_listen"
        )
    return (
        f"another server answers at port 80 of {host}; see that each of its A and AAAA records leads here, and that "
        f"what answers there passes {_CHALLENGE_PATH} on to certificate.http_listen"
    )


def _length(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3_600)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 60:.0f} min"
