"""How fast logins and tokens may fail, for each source and username, and how fast a network or a token may register.

Of logins and tokens only failures are counted. A password of 240 bits can't be guessed; what is saved is the
processor, and the line in front of the hashing threads, for those who know their password. So a source that never
fails is never limited, even where a reverse proxy makes all hosts look like one.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from acmedns_py.errors import TooManyAttempts

SOURCE_FAILURES = 20
SOURCE_SECONDS_EACH = 2.0
"""A source may fail 20 times at once, then every two seconds: at most 2 % of one core."""

USERNAME_FAILURES = 40
USERNAME_SECONDS_EACH = 1.0
"""More than for a source: who only knows a username should hardly be able to lock its owner out."""

REGISTRATIONS = 60
REGISTRATION_SECONDS_EACH = 0.5
"""Room for a fleet behind one address, while one network can't have a whole small core for itself."""

TOKEN_REGISTRATIONS = 600
TOKEN_REGISTRATION_SECONDS_EACH = 0.1
"""More than for a network: one token may be a whole fleet's. What one spills leaves the hashing to others in part."""

NOTED = 10
NOTED_SECONDS_EACH = 60.0
"""Of refused tokens one a source and minute is in the audit log, ten a minute in all; the program's log has each."""

MOST_TRACKED = 10_000


class FailedLogins:
    """Two tables of token buckets; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._sources = _Buckets(SOURCE_FAILURES, SOURCE_SECONDS_EACH, clock)
        self._usernames = _Buckets(USERNAME_FAILURES, USERNAME_SECONDS_EACH, clock)

    def refused(self) -> dict[str, int]:
        """How often `check` has raised, by what there was too much of."""
        return {"login_source": self._sources.refused, "login_username": self._usernames.refused}

    def check(self, source: IPv4Address | IPv6Address | None, username: str) -> None:
        """Raise `TooManyAttempts` where source or username has failed too often lately."""
        for what, buckets, key in (
            ("source", self._sources, _network(source, *_STRANGER_BITS)),
            ("username", self._usernames, username),
        ):
            _check(buckets, key, f"failed logins of this {what}")

    def failed(self, source: IPv4Address | IPv6Address | None, username: str) -> None:
        """Count one failure."""
        self._sources.take(_network(source, *_STRANGER_BITS))
        self.locked_out(username)

    def locked_out(self, username: str) -> None:
        """Count a right password of a disabled account: nobody guesses here, and its neighbours' logins are good."""
        self._usernames.take(username)


class WrongTokens:
    """A table of token buckets by source, as fast as for its failed logins; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._sources = _Buckets(SOURCE_FAILURES, SOURCE_SECONDS_EACH, clock)

    def refused(self) -> dict[str, int]:
        """How often `check` has raised."""
        return {"token_source": self._sources.refused}

    def check(self, source: IPv4Address | IPv6Address | None) -> None:
        """Raise `TooManyAttempts` where the source has shown too many wrong tokens lately."""
        _check(self._sources, _network(source, *_STRANGER_BITS), "wrong tokens of this source")

    def shown(self, source: IPv4Address | IPv6Address | None) -> None:
        """Count one wrong token."""
        self._sources.take(_network(source, *_STRANGER_BITS))


class NotedRefusals:
    """Which refusals of tokens are entered in the audit log.

    Of texts that are no token: one of a source in a minute, and few of all sources. Of a token that there is, or was:
    one in a minute, whatever strangers show meanwhile, since somebody may hold it who should not.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._sources = _Buckets(1, NOTED_SECONDS_EACH, clock)
        self._all = _Buckets(NOTED, NOTED_SECONDS_EACH / NOTED, clock)
        self._tokens = _Buckets(1, NOTED_SECONDS_EACH, clock)

    def due(self, source: IPv4Address | IPv6Address | None, token: str | None) -> bool:
        """Whether this one is to be entered, of the `token` of that name where there is one; then it counts."""
        if token is not None:
            if self._tokens.seconds_until_free(token) > 0:
                return False
            self._tokens.take(token)
            return True
        network = _network(source, *_STRANGER_BITS)
        if self._sources.seconds_until_free(network) > 0 or self._all.seconds_until_free("") > 0:
            return False
        self._sources.take(network)
        self._all.take("")
        return True


class Registrations:
    """Two tables of token buckets, by network and by registration token; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._networks = _Buckets(REGISTRATIONS, REGISTRATION_SECONDS_EACH, clock)
        self._tokens = _Buckets(TOKEN_REGISTRATIONS, TOKEN_REGISTRATION_SECONDS_EACH, clock)

    def refused(self) -> dict[str, int]:
        """How often `check` has raised, by what there was too much of."""
        return {"registration_network": self._networks.refused, "registration_token": self._tokens.refused}

    def check(self, source: IPv4Address | IPv6Address | None, token: str | None = None) -> None:
        """Raise `TooManyAttempts` where the source's network, or the token of this name, has registered too often."""
        _check(self._networks, _network(source, *_CUSTOMER_BITS), "registrations of this network")
        if token is not None:
            _check(self._tokens, token, "registrations by this token")

    def begun(self, source: IPv4Address | IPv6Address | None, token: str | None = None) -> None:
        """Count one registration."""
        self._networks.take(_network(source, *_CUSTOMER_BITS))
        if token is not None:
            self._tokens.take(token)


_STRANGER_BITS = (32, 64)
"""What one host holds: one IPv4 address, or a whole /64."""

_CUSTOMER_BITS = (24, 48)
"""What one customer of a provider may hold: registering needs no credential, so that addresses are all it costs."""


def _network(source: IPv4Address | IPv6Address | None, bits4: int, bits6: int) -> str:
    """The network of a source; whoever comes without an address shares one."""
    if isinstance(source, IPv6Address):
        return str(IPv6Network((int(source), bits6), strict=False))
    return str(source) if source is None else str(IPv4Network((int(source), bits4), strict=False))


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class _Buckets:
    """Token buckets by key; the ones untouched longest are forgotten first."""

    def __init__(self, capacity: int, seconds_each: float, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._seconds_each = seconds_each
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self.refused = 0

    def seconds_until_free(self, key: str) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            return 0.0
        missing = 1.0 - self._tokens(bucket)
        return max(0.0, missing * self._seconds_each)

    def take(self, key: str) -> None:
        """Take a token, into debt where many attempts failed at once."""
        bucket = self._buckets.setdefault(key, _Bucket(self._capacity, self._clock()))
        bucket.tokens = self._tokens(bucket) - 1.0
        bucket.at = self._clock()
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_TRACKED:
            self._buckets.popitem(last=False)

    def _tokens(self, bucket: _Bucket) -> float:
        return min(self._capacity, bucket.tokens + (self._clock() - bucket.at) / self._seconds_each)


def _check(buckets: _Buckets, key: str, what: str) -> None:
    seconds = buckets.seconds_until_free(key)
    if seconds > 0:
        buckets.refused += 1
        raise TooManyAttempts(what, retry_after=math.ceil(seconds))
