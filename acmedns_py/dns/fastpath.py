"""Answers joined from parts that the full path made, for the queries that nearly all traffic consists of.

A message is taken here if it is one question of class IN with no OPT or one OPT of version 0, and no flag that would
change the answer. Everything else, and every response over its limit, goes to the full path, which answers with the
very same octets: parts are cut out of its responses, so equality is by construction, and a property test holds the two
together.

    TXT at a challenge name   the packed records, as `challenges` keeps them
    other types there         the negative tail for names of that length
    static names, the apex    the whole response to that very question, remembered
    names that don't exist    the negative tail, where no static name or wildcard is in the way
    names outside the zone    nothing but REFUSED

The negative tail is the SOA record compressed against the question's suffix, so that it depends on the length of the
name alone; not so below the names that MNAME and RNAME pass through, which are therefore left to the full path.

Where the question's name ends is found by its first zero octet. A label may hold a zero octet as well, but then the
octets up to there are no name, so that they equal none that we know, and don't end as a name in the zone does.
"""

from typing import NamedTuple

from acmedns_py.dns.answer import response_to
from acmedns_py.dns.asked import Asked
from acmedns_py.dns.codes import EDE, Rcode, RRClass, RRType
from acmedns_py.dns.cookie import is_malformed
from acmedns_py.dns.edns import (
    OPT_OCTETS,
    PAYLOAD_OCTETS,
    Edns,
    ede_option,
    from_record,
    limit_octets,
    opt_record,
    with_options,
)
from acmedns_py.dns.message import Now, Transport
from acmedns_py.dns.name import MAX_LABEL_OCTETS, MAX_NAME_OCTETS, is_subdomain
from acmedns_py.dns.policy import Options, badcookie_opt
from acmedns_py.dns.wire import HEADER_OCTETS, MAX_MESSAGE_OCTETS, render
from acmedns_py.dns.zone import Node, Zone

MAX_SHAPES = 4096
MAX_KEY_OCTETS = 128
MAX_REMEMBERED = 32_768
"""Bounds on what strangers can make us remember, the latter some 15 MB; what is full is emptied. Of static answers
those are remembered that can go over UDP."""

_TYPE_AND_CLASS_OCTETS = 4
_FLAGS_AND_COUNTS_OCTETS = 10
_PLAIN_OPT_START = b"\0" + RRType.OPT.to_bytes(2, "big")
_CLASS_IN = RRClass.IN.to_bytes(2, "big")
_NO_RDATA = b"\0\0"
_RDLENGTH_OCTETS = 2
_LONGEST_PLAIN_KEY = _FLAGS_AND_COUNTS_OCTETS + _TYPE_AND_CLASS_OCTETS + OPT_OCTETS
_ADDRESS_AT = 4
_UDP = Transport.UDP
_OTHER_WAY = frozenset((RRType.ANY, RRType.AXFR, RRType.IXFR))
_ANCOUNT = slice(4, 6)
"""Where the number of answers stands in the part of a header behind the ID."""

_RESPONSE, _AUTHORITATIVE, _TC = 0x80, 0x04, 0x02
_FOREIGN = ede_option(EDE.NOT_AUTHORITATIVE, "")
_ONE = b"\0\1"
_NONE = b"\0\0"

_HEADERS: dict[bytes, tuple[bool, bool]] = {
    bytes((recursion_desired, security_bits)) + _ONE + _NONE + _NONE + (_ONE if with_opt else _NONE): (
        recursion_desired,
        with_opt,
    )
    for recursion_desired in (False, True)
    for security_bits in (0x00, 0x10, 0x20, 0x30)
    for with_opt in (False, True)
}
"""The ten octets behind the ID that are taken: (RD, an OPT follows). AD and CD change nothing in an unsigned zone."""


class _Shape(NamedTuple):
    """What a response takes from its query besides ID, question and the name's own data, where it is not a TXT hit.

    `key` stands for everything in the query that static answers depend on, besides the name. `proven` says that its
    cookie proves the address; `limited_head` and `limited_opt` are for queries whose cookie does not.
    """

    key: bytes
    truncated_head: bytes
    nodata_head: bytes
    nxdomain_head: bytes
    refused_head: bytes
    edns: Edns | None
    refused_opt: bytes
    bare_opt: bytes
    proven: bool
    limited_head: bytes
    limited_opt: bytes


_HotShape = tuple[bool, int, bytes, bytes, bytes, _Shape]
"""What a TXT hit takes: whether TXT is asked, limit in octets, head, counts behind the answer's, OPT; then the rest.

A plain tuple, as the interpreter takes one apart in a third of the time that it needs for one with names.
"""


class FastPath:
    """Prepared answers of one zone; `changed` must be called after each change of it, before the next query."""

    def __init__(self, zone: Zone, options: Options, asked: Asked) -> None:
        """`zone` need not be loaded before the first `changed`; `options` makes the options of responses.

        `asked` is told of each question for the TXT records of a challenge name that is answered here.
        """
        self._zone = zone
        self._options = options
        self._note = asked.note
        self._apex = zone.apex
        self._apex_octets = len(zone.apex)
        self._challenges = zone.challenges
        self._hot = zone.challenges.hot
        self._nodes: dict[bytes, Node] = {}
        self._shapes: dict[bytes, _HotShape] = {}
        self._options_over_udp: dict[bytes, _HotShape] = {}
        self._options_over_tcp: dict[bytes, _HotShape] = {}
        self._now = Now(0.0, 0.0)
        self._last: _HotShape | None = None
        self.subject = b""
        self.truncated = 0
        self._negative: dict[int, bytes] = {}
        self._remembered: dict[bytes, tuple[bytes, bytes]] = {}
        self._beside_soa: frozenset[bytes] = frozenset()
        self._wildcard_at_apex = False

    def changed(self) -> None:
        """Forget everything that the zone's data went into; the work is bounded by what may be remembered."""
        zone = self._zone
        self._nodes = zone.nodes
        self._negative.clear()
        self._remembered.clear()
        self._beside_soa = frozenset(
            zone.child_of_apex(name) for name in zone.soa_names() if name != zone.apex and is_subdomain(name, zone.apex)
        )
        self._wildcard_at_apex = b"\x01*" + zone.apex in zone.nodes

    def forget_options(self) -> None:
        """Forget the options made so far, since `options` makes others from here on."""
        self._options_over_udp.clear()
        self._options_over_tcp.clear()

    def response(self, query: bytes, source: bytes, transport: Transport, now: Now) -> bytes | None:
        """Give the response to a message, None where the full path has to.

        Afterwards `subject` is the name that there were data for, or empty; `truncated` counts responses under TC.
        """
        self.subject = b""
        end = query.find(0, 12) + 1
        key = query[2:12] + query[end:]
        if len(key) <= _LONGEST_PLAIN_KEY:
            shape = self._shapes.get(key) or self._shaped(key)
        else:
            # All queries of a batch come with the very same object, so that this is no comparison of times.
            if now is not self._now:
                self._at(now)
            made = self._options_over_udp if transport is _UDP else self._options_over_tcp
            # The source goes first, as its length is not said: IPv6 begins with a flow of zero, and IPv4 never does.
            shape = made.get(source[_ADDRESS_AT:] + key) or self._shaped_with_options(key, source, transport, made)
        if shape is None:
            return None
        asks_txt, limit, hit_head, hit_counts, opt, rest = shape
        self._last = shape
        name = query[12:end].lower()
        packed = self._hot.get(name)
        if packed is None:
            packed = self._challenges.packed(name)
        if packed and asks_txt:
            self.subject = name
            self._note(name, source, query[2] & 1 == 1, now, True)
            response = b"".join((query[:2], hit_head, packed[:2], hit_counts, query[12 : end + 4], packed[2:], opt))
            if len(response) > limit and transport is _UDP:
                self.truncated += 1
                return b"".join((query[:2], rest.truncated_head, query[12 : end + 4], opt))
        else:
            question = query[12 : end + 4]
            if packed is not None:
                if name in self._beside_soa or name in self._nodes:
                    return None
                if asks_txt:
                    self._note(name, source, query[2] & 1 == 1, now, False)
                tail = self._negative.get(end) or self._negative_tail(query, end)
                response = b"".join((query[:2], rest.nodata_head, question, tail, opt))
            elif name in self._nodes:
                kind = rest.key + name
                head, tail = self._remembered.get(kind) or self._answered(query, end, kind)
                if head[_ANCOUNT] != _NONE:
                    self.subject = name
                response = b"".join((query[:2], head, question, tail, opt))
            elif self._certainly_absent(name):
                tail = self._negative.get(end) or self._negative_tail(query, end)
                response = b"".join((query[:2], rest.nxdomain_head, question, tail, opt))
            elif self._certainly_foreign(name):
                response = b"".join((query[:2], rest.refused_head, question, rest.refused_opt))
            else:
                return None
        if len(response) > limit and (transport is _UDP or len(response) > MAX_MESSAGE_OCTETS):
            return None
        return response

    @property
    def proven(self) -> bool:
        """Whether the last query's cookie proves its address."""
        assert self._last is not None, "asked before the first response"
        return self._last[5].proven

    def limited(self, query: bytes, response: bytes) -> bytes:
        """Give what the last query gets instead of its response, over the rate limit (`Responder`)."""
        assert self._last is not None, "asked before the first response"
        rest = self._last[5]
        question = query[12 : query.find(0, 12) + 5]
        if rest.limited_opt:
            self.truncated -= bool(response[2] & _TC)
            return b"".join((query[:2], rest.limited_head, question, rest.limited_opt))
        self.truncated += not response[2] & _TC
        head = bytes((response[2] | _TC, response[3])) + rest.truncated_head[2:]
        return b"".join((query[:2], head, question, rest.bare_opt))

    def _at(self, now: Now) -> None:
        """Go on to another time: what was made for an earlier second is made anew, since a cookie says when it was."""
        if int(now.unix) != int(self._now.unix):
            self.forget_options()
        self._now = now

    def _shaped_with_options(
        self, key: bytes, source: bytes, transport: Transport, made: dict[bytes, _HotShape]
    ) -> _HotShape | None:
        """Give the shape of a message whose OPT has options, and keep it in `made`; None where that is not so.

        What is answered to options depends on address, transport and second, but within a second a resolver sends the
        same ones with every query.
        """
        if len(key) > MAX_KEY_OCTETS:
            # Over TCP options may be 64 KB long; a cookie and the small ones that resolvers send are far below this.
            return None
        rdata = key[_LONGEST_PLAIN_KEY:]
        if int.from_bytes(key[_LONGEST_PLAIN_KEY - _RDLENGTH_OCTETS : _LONGEST_PLAIN_KEY], "big") != len(rdata):
            return None
        plain_key = key[: _LONGEST_PLAIN_KEY - _RDLENGTH_OCTETS] + _NO_RDATA
        plain = self._shapes.get(plain_key) or self._shaped(plain_key)
        if plain is None:
            return None
        asks_txt, limit, hit_head, hit_counts, _opt, rest = plain
        if rest.edns is None:
            return None
        edns = with_options(rest.edns, rdata)
        if edns is None or (edns.cookie is not None and is_malformed(edns.cookie)):
            return None
        judged = self._options.judged(edns, source, self._now.unix)
        options = self._options.reply(edns, judged, transport)
        if len(made) >= MAX_SHAPES:
            made.clear()
        opt = opt_record(edns, Rcode.NOERROR, options)
        rest = rest._replace(
            refused_opt=opt_record(edns, Rcode.REFUSED, options + _FOREIGN),
            proven=judged is not None and judged.valid,
            limited_opt=b"" if judged is None else badcookie_opt(edns, judged),
        )
        shape = made[source[_ADDRESS_AT:] + key] = (asks_txt, limit, hit_head, hit_counts, opt, rest)
        return shape

    def _shaped(self, key: bytes) -> _HotShape | None:
        """Read header, type, class and OPT; None where they are not of the plain kind."""
        header = _HEADERS.get(key[:_FLAGS_AND_COUNTS_OCTETS])
        if header is None:
            return None
        recursion_desired, with_opt = header
        behind = key[_FLAGS_AND_COUNTS_OCTETS:]
        opt_record_in = behind[_TYPE_AND_CLASS_OCTETS:]
        qtype = int.from_bytes(behind[:2], "big")
        if behind[2:4] != _CLASS_IN or qtype in _OTHER_WAY or len(opt_record_in) != OPT_OCTETS * with_opt:
            return None
        edns: Edns | None = None
        if with_opt:
            edns = from_record(int.from_bytes(opt_record_in[3:5], "big"), int.from_bytes(opt_record_in[5:9], "big"))
            if opt_record_in[:3] != _PLAIN_OPT_START or opt_record_in[9:] != _NO_RDATA or edns.version:
                return None
        arcount = _ONE if with_opt else _NONE
        flags = _RESPONSE | _AUTHORITATIVE | recursion_desired
        noerror, nxdomain = bytes((flags, Rcode.NOERROR)) + _ONE, bytes((flags, Rcode.NXDOMAIN)) + _ONE
        none = _ONE + _NONE + _NONE + arcount
        opt = b"" if edns is None else opt_record(edns, Rcode.NOERROR)
        rest = _Shape(
            key=bytes((recursion_desired, with_opt)) + behind[:2],
            truncated_head=bytes((flags | _TC, Rcode.NOERROR)) + none,
            nodata_head=noerror + _NONE + _ONE + arcount,
            nxdomain_head=nxdomain + _NONE + _ONE + arcount,
            # No AA: the flags are those of an answer without it.
            refused_head=bytes((flags & ~_AUTHORITATIVE, Rcode.REFUSED)) + none,
            edns=edns,
            refused_opt=b"" if edns is None else opt_record(edns, Rcode.REFUSED, _FOREIGN),
            bare_opt=opt,
            proven=False,
            limited_head=bytes((flags & ~_AUTHORITATIVE, Rcode.BADCOOKIE & 0xF)) + none,
            limited_opt=b"",
        )
        shape = (qtype == RRType.TXT, limit_octets(edns), noerror, _NONE + arcount, opt, rest)
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes.clear()
        self._shapes[key] = shape
        return shape

    def _certainly_absent(self, name: bytes) -> bool:
        """Say whether octets that are no static name are one in the zone which static data have nothing to do with."""
        surplus = len(name) - self._apex_octets
        if surplus <= 0 or len(name) > MAX_NAME_OCTETS or self._wildcard_at_apex or not name.endswith(self._apex):
            return False
        if name[0] + 1 == surplus:
            # One label below the apex, as random names are: that it is no static name has been seen.
            return surplus <= MAX_LABEL_OCTETS + 1 and name not in self._beside_soa
        position = child = 0
        while position < surplus:
            child = position
            if name[position] > MAX_LABEL_OCTETS:
                return False
            position += name[position] + 1
        below = name[child:]
        return position == surplus and below not in self._nodes and below not in self._beside_soa

    def _certainly_foreign(self, name: bytes) -> bool:
        """Say whether octets are a name that can't lie in the zone, as it does not end in the apex's octets."""
        if len(name) > MAX_NAME_OCTETS or name.endswith(self._apex):
            return False
        position, last = 0, len(name) - 1
        while position < last:
            if name[position] > MAX_LABEL_OCTETS:
                return False
            position += name[position] + 1
        return position == last

    def _before_opt(self, query: bytes) -> bytes:
        """Give the full path's response up to its OPT, which is the last record and has no options here."""
        response = response_to(query, self._zone, Transport.TCP, loaded=True)
        assert response is not None, "a message with a shape gets a response"
        octets = render(response, Transport.TCP)
        return octets if response.query.edns is None else octets[:-OPT_OCTETS]

    def _negative_tail(self, query: bytes, end: int) -> bytes:
        tail = self._negative[end] = self._before_opt(query)[end + _TYPE_AND_CLASS_OCTETS :]
        return tail

    def _answered(self, query: bytes, end: int, key: bytes) -> tuple[bytes, bytes]:
        octets = self._before_opt(query)
        parts = (octets[2:HEADER_OCTETS], octets[end + _TYPE_AND_CLASS_OCTETS :])
        if len(octets) <= PAYLOAD_OCTETS:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = parts
        return parts
