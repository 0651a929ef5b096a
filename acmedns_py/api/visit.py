"""What is known of one request while it is answered, for the rules and for its line in the log."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address


@dataclass(slots=True)
class Visit:
    """`source` is None where the client's address can't be known; `account` is a username as it was shown."""

    request_id: str
    source: IPv4Address | IPv6Address | None
    account: str | None = None
