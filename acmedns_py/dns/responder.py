"""The only door of the DNS core: a snapshot and changes of the zone in, one response for each query out.

The shell calls `load` once and `apply` for each later cursor, in cursor order, never while `respond` runs; there is
one thread. Before the first `load` the zone is there but nothing is known of it: its names get SERVFAIL.
"""

from collections.abc import Iterable, Sequence

from acmedns_py.dns import wire
from acmedns_py.dns.answer import error, response_to
from acmedns_py.dns.asked import Asked
from acmedns_py.dns.challenges import Challenges
from acmedns_py.dns.codes import Rcode, RRType
from acmedns_py.dns.cookie import Judgement
from acmedns_py.dns.edns import OPT_OCTETS
from acmedns_py.dns.fastpath import FastPath
from acmedns_py.dns.message import Now, Query, Response, Transport
from acmedns_py.dns.name import to_text
from acmedns_py.dns.policy import Options, Policy, badcookie_opt, texts
from acmedns_py.dns.ratelimit import RateLimit
from acmedns_py.dns.rrset import RRset
from acmedns_py.dns.source import NO_PORT
from acmedns_py.dns.table import ChallengeTable
from acmedns_py.dns.zone import Zone

__all__ = ["Now", "Policy", "Responder", "Transport"]

_UDP = Transport.UDP
_BADCOOKIE_LOW = Rcode.BADCOOKIE & 0xF


class Responder:
    """Answers for one zone from memory."""

    def __init__(self, *, apex: bytes, txt_ttl: int, policy: Policy) -> None:
        """`apex` is a folded name in wire form, `txt_ttl` the TTL of challenge TXT records in seconds."""
        self._zone = Zone(apex, Challenges(apex, txt_ttl))
        self._options = Options(policy)
        self._texts = texts(policy)
        self._rate_limit = RateLimit(policy.responses_per_second) if policy.responses_per_second else None
        self.asked = Asked()
        self._fast_path = FastPath(self._zone, self._options, self.asked)
        self._cursor: int | None = None
        self._fast = False
        self._udp = [0] * (max(Rcode) + 1)
        self._tcp = [0] * (max(Rcode) + 1)
        self._silent = 0
        self._truncated = 0
        self._rate_limited = 0
        self._internal_errors = 0

    def accept_secrets(self, secrets: Sequence[bytes]) -> None:
        """Exchange the secrets of the cookies; the first one makes them, all are accepted."""
        self._options.cookies.secrets = tuple(secrets)
        self._fast_path.forget_options()

    @property
    def cursor(self) -> int | None:
        """The cursor that the answers are true for; None before `load`."""
        return self._cursor

    @property
    def stale(self) -> bool:
        """Whether challenge data may have been overtaken elsewhere.

        While this is set, what rests on challenge names gets SERVFAIL; names that static data decide are answered.
        """
        return self._zone.stale

    @stale.setter
    def stale(self, value: bool) -> None:
        self._zone.stale = value
        self._fast = self._cursor is not None and not value

    def load(self, cursor: int, static: Iterable[RRset], challenges: ChallengeTable) -> None:
        """Replace everything by the zone at that cursor.

        `static` holds the SOA, whose serial is overwritten; `challenges` has the live values by owner, perhaps
        none, and is taken over.
        Raises `ValueError` for data that are no zone, and answers SERVFAIL until a `load` succeeds.
        """
        self._cursor = None
        self._fast = False
        zone = self._zone
        if challenges.apex != zone.apex:
            raise ValueError(f"challenge names of {to_text(challenges.apex)} are not those of {to_text(zone.apex)}")
        for owner in challenges.others:
            self._check_challenge_owner(owner)
        zone.load(cursor, static)
        zone.challenges.load(challenges)
        self._served(cursor)

    def apply(
        self,
        cursor: int,
        *,
        challenges: Iterable[tuple[bytes, tuple[bytes, ...] | None]],
        static: Iterable[tuple[bytes, int, RRset | None]],
    ) -> None:
        """Make one commit's changes, each `(owner, values)` or `(owner, type, rrset)`; None takes the thing out.

        Raises `ValueError` where the cursor is not above the last one, which changes nothing; and where data are no
        part of a zone: as it is then neither at the one cursor nor at the other, its names get SERVFAIL until the
        next `load`.
        """
        if self._cursor is None or cursor <= self._cursor:
            raise ValueError(f"change {cursor} can't follow {self._cursor}")
        self._cursor = None
        self._fast = False
        zone = self._zone
        for owner, rrtype, rrset in static:
            zone.put(owner, rrtype, rrset)
        for owner, values in challenges:
            self._check_challenge_owner(owner)
            zone.challenges.put(owner, values)
        zone.number(cursor)
        self._served(cursor)

    def _check_challenge_owner(self, owner: bytes) -> None:
        if owner[owner[0] + 1 :] != self._zone.apex:
            raise ValueError(f"challenge name {to_text(owner)} is not directly below {to_text(self._zone.apex)}")

    def _served(self, cursor: int) -> None:
        self._fast_path.changed()
        self._cursor = cursor
        self._fast = not self._zone.stale

    def respond(
        self,
        query: bytes,
        source: bytes,
        transport: Transport,
        now: Now,
    ) -> bytes | None:
        """Give the octets to send back to `source` (laid out as in `dns.source`), None for silence. Never raises.

        Silence is for what can't be a query, and for port 0, where no answer can go (dns-correctness #4, #73). What is
        answered of the zone depends on neither `source` nor `now`: cookies and the rate limit do.
        """
        try:
            if source[2:4] == NO_PORT:
                self._silent += 1
                return None
            fast = self._fast_path
            response = fast.response(query, source, transport, now) if self._fast else None
            if response is None:
                full = self._full(query, transport)
                if full is None:
                    self._silent += 1
                    return None
                if full.query.qtype == RRType.TXT and full.rcode == Rcode.NOERROR:
                    self._note(full, source, now)
                judged = self._options.judged(full.query.edns, source, now.unix)
                response = self._rendered(full, judged, transport)
                rcode = int(full.rcode)
                if transport is _UDP and self._rate_limit is not None:
                    response, rcode = self._within_limit(full, response, judged, source, now)
                self._truncated += response[2] >> 1 & 1
            else:
                if (
                    self._rate_limit is not None
                    and transport is _UDP
                    and not fast.proven
                    and self._rate_limit.exceeded(source, fast.subject, now.monotonic)
                ):
                    response = fast.limited(query, response)
                    self._rate_limited += 1
                # Neither RA nor AD nor CD is ever set in it, so that the octet is the rcode, or its lower bits.
                rcode = response[3]
            (self._udp if transport is _UDP else self._tcp)[rcode] += 1
        except Exception:  # noqa: BLE001 - the border: a fault of ours costs this one query, and is counted
            self._internal_errors += 1
            (self._udp if transport is _UDP else self._tcp)[Rcode.SERVFAIL] += 1
            return _failure(query)
        return response

    def _note(self, full: Response, source: bytes, now: Now) -> None:
        query = full.query
        if query.qname in self._zone.challenges:
            self.asked.note(query.qname, source, query.recursion_desired, now, bool(full.answer))

    def _full(self, query: bytes, transport: Transport) -> Response | None:
        return response_to(query, self._zone, transport, loaded=self._cursor is not None, texts=self._texts)

    def _rendered(self, full: Response, judged: Judgement | None, transport: Transport) -> bytes:
        edns = full.query.edns
        options = b"" if edns is None else self._options.reply(edns, judged, transport)
        return wire.render(full, transport, options)

    def _within_limit(
        self, full: Response, response: bytes, judged: Judgement | None, source: bytes, now: Now
    ) -> tuple[bytes, int]:
        """Give what goes out over UDP and its rcode, counted against the rate limit.

        Who has proven its address gets the answer without being counted. Who could prove it is told how, by a fresh
        cookie (RFC 7873 5.2.3); all others are told to come by TCP. The one is hardly longer than the query, the other
        no longer. `FastPath.limited` does the same.
        """
        assert self._rate_limit is not None, "there is a limit"
        # A wildcard answers for names without end.
        subject = full.query.qname if full.answer and self._zone.stands(full.query.qname) else b""
        proven = judged is not None and judged.valid
        if proven or not self._rate_limit.exceeded(source, subject, now.monotonic):
            return response, full.rcode
        self._rate_limited += 1
        if judged is None:
            return wire.truncated(response, bare=True), full.rcode
        assert full.query.edns is not None, "a cookie stands in an OPT"
        opt = badcookie_opt(full.query.edns, judged)
        return wire.render(Response(full.query, Rcode.BADCOOKIE), _UDP)[:-OPT_OCTETS] + opt, Rcode.BADCOOKIE

    def truncated(self, response: bytes) -> bytes:
        """Give the form of a response that tells its receiver to ask over TCP, where the network took no more."""
        self._truncated += 1
        return wire.truncated(response)

    def counters(self) -> dict[str, int]:
        """Give counts since the start: responses as `udp.NOERROR`, `truncated`, `rate_limited`, `silent` and so on."""
        counts = {
            "silent": self._silent,
            "truncated": self._truncated + self._fast_path.truncated,
            "rate_limited": self._rate_limited,
            "internal_errors": self._internal_errors,
        }
        for rcode in Rcode:
            counts[f"udp.{rcode.name}"] = self._udp[rcode]
            counts[f"tcp.{rcode.name}"] = self._tcp[rcode]
        # What the fast path counts of BADCOOKIE; no answer has the rcode 7 itself.
        counts["udp.BADCOOKIE"] += self._udp[_BADCOOKIE_LOW]
        return counts


def _failure(octets: bytes) -> bytes:
    """Give a SERVFAIL that depends on as little of our own code as can be."""
    try:
        return wire.render(error(wire.parse(octets), Rcode.SERVFAIL), Transport.UDP)
    except Exception:  # noqa: BLE001 - parsing may be what failed
        ident = int.from_bytes(octets[:2], "big")
        return wire.render(error(Query(ident, 0), Rcode.SERVFAIL), Transport.UDP)
