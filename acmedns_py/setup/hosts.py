"""The records of a host that needs certificates: the CNAME of its challenge, and CAA for who issues them and how."""

from acmedns_py.accounts.challenge_label import check_account_url
from acmedns_py.dns import name
from acmedns_py.dns.caa import METHOD, Property
from acmedns_py.errors import Unusable
from acmedns_py.setup.record import Record

CHALLENGE = f"{name.CHALLENGE}."
"""What a CA asks for in front of a name."""

CNAME_SECONDS = 300
"""TTL of such a CNAME: one that leads to the wrong account is mended within minutes."""

CAA_SECONDS = 3_600


def challenge_record(domain: str, fulldomain: str, *, label: str = "") -> Record:
    """The CNAME for the zone that the domain is in; `label` stands in front, with its dot, for dns-account-01."""
    return Record(f"{label}{CHALLENGE}{domain}", CNAME_SECONDS, "CNAME", f"{fulldomain}.", "challenge")


def caa_value(ca: str, account_url: str | None) -> str:
    """The value of a CAA record by which `ca` issues by dns-01 alone, and for one ACME account where given (RFC 8657).

    Raises `Unusable` for what is no account URL, or can't stand in a record.
    """
    value = f"{ca}; validationmethods={METHOD}"
    if account_url is not None:
        check_account_url(account_url)
        if any(character in account_url for character in ';"\\'):
            raise Unusable(f"{account_url[:200]!r} has a character in it that CAA can't hold (RFC 8659 4.2)")
        value += f"; accounturi={account_url}"
    return value


def caa_record(owner: str, limit: Property) -> Record:
    """A CAA record for the zone that the owner is in."""
    return Record(owner, CAA_SECONDS, "CAA", limit.text, "caa")
