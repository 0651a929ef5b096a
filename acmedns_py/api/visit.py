"""What is known of one request while it is answered, for the rules and for its line in the log."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address


@dataclass(slots=True)
class Visit:
    """`source` is None where the client's address can't be known; `account` is a username as it was shown.

    `prefix` is what stood in front of the route and has the form of a token: a secret. `token` is the name of the
    token that was shown, where it is one of ours. `domain` is the last part of a path below /storage.
    """

    request_id: str
    source: IPv4Address | IPv6Address | None
    account: str | None = None
    token: str | None = None
    domain: str = ""
    prefix: str | None = field(default=None, repr=False)
