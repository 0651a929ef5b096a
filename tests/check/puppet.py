"""A name server that misbehaves: it answers for puppet.org, and a label of the name asked for says how.

python -m tests.check.puppet ADDRESS ...; prints one line once it listens. A name without such a label is answered as an
ordinary server would: NODATA, with the zone's SOA record.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.check.internet import PUPPET, ZONE
from tests.lab.nameserver import SOA, TTL

APEX = dns.name.from_text("puppet.org.")
PORT = 53
DRIP_SECONDS = 0.5
SLOW_SECONDS = 1.5

Octets = bytes | None
"""What goes back; None is silence."""

Behaviour = Callable[[dns.message.Message], Octets]

_DRIP = b"\x04drip"
"""Below this label an answer is said to need TCP, and comes there octet by octet without an end."""


def answer(query: dns.message.Message) -> Octets:
    """Give the answer to one query, by the labels of the name."""
    for label in query.question[0].name.labels:
        if (behaviour := BEHAVIOURS.get(label.lower())) is not None:
            return behaviour(query)
    return _plain(query).to_wire()


def _reply(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    response.flags &= ~dns.flags.RA
    return response


def _plain(query: dns.message.Message) -> dns.message.Message:
    response = _reply(query)
    qname, qtype = query.question[0].name, query.question[0].rdtype
    if qname == APEX and qtype == dns.rdatatype.NS:
        response.answer.append(dns.rrset.from_text(APEX, TTL, "IN", "NS", "ns.puppet.org."))
    elif qname == dns.name.from_text("ns.puppet.org.") and qtype in {dns.rdatatype.A, dns.rdatatype.AAAA}:
        address = PUPPET[0] if qtype == dns.rdatatype.A else PUPPET[1]
        response.answer.append(dns.rrset.from_text(qname, TTL, "IN", qtype, address))
    else:
        section = response.answer if qname == APEX and qtype == dns.rdatatype.SOA else response.authority
        section.append(dns.rrset.from_text(APEX, TTL, "IN", "SOA", SOA.format(serial=1)))
    return response


def _alias(target: Callable[[], dns.name.Name]) -> Behaviour:
    def behave(query: dns.message.Message) -> Octets:
        response = _reply(query)
        rdata = dns.rdata.from_text("IN", "CNAME", target().to_text())
        response.answer.append(dns.rrset.from_rdata(query.question[0].name, TTL, rdata))
        return response.to_wire()

    return behave


def _both(query: dns.message.Message) -> Octets:
    """A TXT record beside an alias to our own zone, at challenge names."""
    response = _reply(query)
    qname = query.question[0].name
    if qname.labels[0] != b"_acme-challenge":
        return _plain(query).to_wire()
    response.answer.append(dns.rrset.from_text(qname, TTL, "IN", "TXT", '"old value"'))
    response.answer.append(dns.rrset.from_text(qname, TTL, "IN", "CNAME", f"plain.{ZONE}."))
    return response.to_wire()


def _texts(*values: bytes) -> Behaviour:
    def behave(query: dns.message.Message) -> Octets:
        if query.question[0].rdtype != dns.rdatatype.TXT:
            return _plain(query).to_wire()
        response = _reply(query)
        rdatas = [dns.rdata.from_wire("IN", "TXT", bytes((len(value), *value)), 0, len(value) + 1) for value in values]
        response.answer.append(dns.rrset.from_rdata_list(query.question[0].name, TTL, rdatas))
        return response.to_wire(max_size=65535)

    return behave


def _fresh() -> dns.name.Name:
    return dns.name.Name((b"endless", os.urandom(8).hex().encode(), *APEX.labels))


def _slow(query: dns.message.Message) -> Octets:
    """An alias to yet another such name, late: a chain of them takes long though each is answered in time."""
    time.sleep(SLOW_SECONDS)
    place = int(number) if (number := query.question[0].name.labels[0].removeprefix(b"n")).isdigit() else 0
    return _alias(lambda: dns.name.Name((b"n%d" % (place + 1), b"slow", *APEX.labels)))(query)


def _lame(authority: Callable[[dns.name.Name], dns.name.Name]) -> Behaviour:
    """Nothing is known of the zone, whose top is the label itself; what is told of is another one's servers."""

    def behave(query: dns.message.Message) -> Octets:
        response = _reply(query)
        response.flags &= ~dns.flags.AA
        zone = dns.name.Name(query.question[0].name.labels[-3:])
        response.authority.append(dns.rrset.from_text(authority(zone), TTL, "IN", "NS", "ns.puppet.org."))
        return response.to_wire()

    return behave


def _resolves(query: dns.message.Message) -> Octets:
    """What a resolver says that was named in NS records by mistake, and remembers an absence."""
    response = _reply(query)
    response.flags = (response.flags & ~dns.flags.AA) | dns.flags.RA
    return response.to_wire()


def _garbage(query: dns.message.Message) -> Octets:
    return struct.pack("!H", query.id) + os.urandom(200)


def _cut_short(query: dns.message.Message) -> Octets:
    return _plain(query).to_wire()[:-7]


def _refuses_caa(query: dns.message.Message) -> Octets:
    response = _plain(query)
    if query.question[0].rdtype == dns.rdatatype.CAA:
        response = _reply(query)
        response.set_rcode(dns.rcode.SERVFAIL)
        response.flags &= ~dns.flags.AA
    return response.to_wire()


def _fails_for_ns(rcode: dns.rcode.Rcode | None) -> Behaviour:
    """As load balancers do: an alias to our own zone at challenge names, and no good answer for NS."""

    def behave(query: dns.message.Message) -> Octets:
        question = query.question[0]
        if question.rdtype == dns.rdatatype.NS:
            if rcode is None:
                return None
            response = dns.message.make_response(query)
            response.set_rcode(rcode)
            return response.to_wire()
        if question.name.labels[0] != b"_acme-challenge":
            return _plain(query).to_wire()
        return _alias(lambda: dns.name.from_text(f"plain.{ZONE}."))(query)

    return behave


_LONG = dns.name.Name((*(b"\xff" * 60 for _ in range(3)), b"\x07" * 59, *APEX.labels))
"""A name of 255 octets."""

BEHAVIOURS: dict[bytes, Behaviour] = {
    b"silent": lambda _query: None,
    b"garbage": _garbage,
    b"cut": _cut_short,
    b"control": _alias(lambda: dns.name.Name((b"\x1b[31mred\x07", b"a\r\nb", *APEX.labels))),
    b"html": _alias(lambda: dns.name.Name((b"<script>alert(1)</script>", *APEX.labels))),
    b"long": _alias(lambda: _LONG),
    b"endless": _alias(_fresh),
    b"loop": _alias(lambda: dns.name.Name((b"_acme-challenge", b"loop", *APEX.labels))),
    b"beside": _both,
    b"texts": _texts(b"\x1b]0;title\x07", b"<b>bold</b>", b"\xff" * 255),
    b"many": _texts(*(b"%05d" % number for number in range(2500))),
    b"nocaa": _refuses_caa,
    b"slow": _slow,
    b"ns-refused": _fails_for_ns(dns.rcode.REFUSED),
    b"ns-notimp": _fails_for_ns(dns.rcode.NOTIMP),
    b"ns-silent": _fails_for_ns(None),
    b"upward": _lame(lambda _zone: dns.name.root),
    b"sideways": _lame(lambda zone: zone),
    b"resolving": _resolves,
}


def _serve_udp(sock: socket.socket, octets: bytes, source: object) -> None:
    reply = _answered(octets)
    if reply is not None:
        if len(reply) > 1232 or _DRIP in octets:
            short = dns.message.make_response(dns.message.from_wire(octets))
            short.flags |= dns.flags.AA | dns.flags.TC
            reply = short.to_wire()
        sock.sendto(reply, source)


def _serve_tcp(connection: socket.socket) -> None:
    with connection:
        connection.settimeout(30)
        try:
            while size := _exactly(connection, 2):
                octets = _exactly(connection, int.from_bytes(size, "big"))
                reply = _answered(octets)
                if reply is None:
                    continue
                if _DRIP in octets:
                    _drip_out(connection, reply)
                else:
                    connection.sendall(struct.pack("!H", len(reply)) + reply)
        except OSError:
            return


def _drip_out(connection: socket.socket, reply: bytes) -> None:
    connection.sendall(struct.pack("!H", 65535))
    for octet in (reply * 1000)[:65535]:
        connection.sendall(bytes((octet,)))
        time.sleep(DRIP_SECONDS)


def _exactly(connection: socket.socket, count: int) -> bytes:
    octets = b""
    while len(octets) < count and (more := connection.recv(count - len(octets))):
        octets += more
    return octets


def _answered(octets: bytes) -> Octets:
    try:
        return answer(dns.message.from_wire(octets))
    except Exception as error:  # noqa: BLE001 - one broken question must not end the server
        print(f"not answered: {error!r}", flush=True)
        return None


def main(addresses: list[str]) -> None:
    """Serve for ever."""
    watched = selectors.DefaultSelector()
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((address, PORT))
        watched.register(udp, selectors.EVENT_READ, False)
        tcp = socket.create_server((address, PORT), family=family, backlog=100)
        watched.register(tcp, selectors.EVENT_READ, True)
    print("listening", flush=True)
    while True:
        for key, _ in watched.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if key.data:
                threading.Thread(target=_serve_tcp, args=(sock.accept()[0],), daemon=True).start()
            else:
                # A slow answer is not to hold up the others.
                threading.Thread(target=_serve_udp, args=(sock, *sock.recvfrom(65535)), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
