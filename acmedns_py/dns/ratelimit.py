"""Response rate limiting: how often one network may get one answer within a second, over UDP.

A source of UDP can be forged, so that whoever is flooded through us never asked. Counted are answers, by the network of
the source and by what is answered: a busy resolver gets many different ones, a forged flood the same again and again.
What is over the limit is told to come by TCP or with a cookie (`responder`), never met by silence, so that a real
resolver that shares its network with a forger still gets its answer (dns-correctness #72).

The counters are a fixed table: memory does not grow with sources, and the octets' hash is keyed for each process, so
that nobody can choose whom to share a counter with.
"""

from array import array

from acmedns_py.dns.source import network

WINDOW_SECONDS = 1.0
RATE_LIMITED = "rate limited"
"""What a query over the limit is told in its extended error, beside a cookie."""
COUNTERS = 1 << 16
_MOST = 0xFFFF


class RateLimit:
    """Counts the answers of one window after the other."""

    def __init__(self, responses_per_second: int) -> None:
        """Take the most equal answers for one network in a second, at least 1."""
        self._limit = min(responses_per_second, _MOST - 1)
        self._counts = array("H", bytes(2 * COUNTERS))
        self._ends = 0.0

    def exceeded(self, source: bytes, subject: bytes, monotonic: float) -> bool:
        """Count one answer about `subject` to `source`; tells whether it is over the limit. `monotonic` in seconds."""
        if monotonic >= self._ends:
            self._ends = monotonic + WINDOW_SECONDS
            self._counts = array("H", bytes(2 * COUNTERS))
        # The hash of a name that was looked up is known to it already, so that it is not joined with the network.
        index = (hash(network(source)) ^ hash(subject)) % COUNTERS
        count = self._counts[index]
        if count >= self._limit:
            return True
        self._counts[index] = count + 1
        return False
