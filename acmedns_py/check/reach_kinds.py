"""The kinds of what can be found at the addresses of name servers; `reach` judges which there are."""

from typing import Final

from acmedns_py.check.finding import Kind, Verdict, catalogue

_MISSED: Final = (
    "A CA that asks there gets no answer; it asks from several places and refuses if too many of them fail."
)

FREE_PORT_53: Final = (
    "Have that program leave the address, but this host not without a resolver: docs/operations.md#port-53 shows how "
    "for systemd-resolved, for dnsmasq set bind-interfaces and listen-address=127.0.0.1; or name other addresses in "
    "dns.listen."
)
"""What to do where another program has our port."""

KINDS: Final = catalogue(
    (
        Kind(
            "no-server-answers",
            Verdict.FAIL,
            "no name server of the zone answers for it",
            "No CA can look at any challenge, so every host is refused.",
            "Mend what is told of each address; begin with the first.",
            stops=True,
        ),
        Kind(
            "ns-private",
            Verdict.FAIL,
            "a name server has an address that the Internet can't reach",
            "CAs never ask private, loopback or documentation addresses.",
            "Put the public address into zone.addresses and into the glue; the server may go on listening at the "
            "private one, with UDP and TCP 53 forwarded to it.",
        ),
        Kind(
            "ns-silent",
            Verdict.FAIL,
            "nothing answers at the address of a name server, neither over UDP nor over TCP",
            _MISSED,
            "Let the server listen there (dns.listen), and UDP and TCP 53 through every firewall; or take the address "
            "out of the zone above.",
        ),
        Kind(
            "ns-inside",
            Verdict.NOT_TESTED,
            "an address of this server can't be seen from inside: it is a router's, which leads nobody back there",
            "Whether CAs reach this server there is not known.",
            "Run acmedns check ZONE on a host outside. Here name a resolver that is outside, by check.resolvers or "
            "--resolver: what it finds came through the router. If nobody outside finds the zone, forward UDP and TCP "
            "53 from that address to this host.",
        ),
        Kind(
            "ns-inside-resolved",
            Verdict.NOTE,
            "the address of this server can't be seen from inside, but a resolver outside finds the zone",
            "The router lets in what CAs ask over UDP; whether it does over TCP was not seen.",
            "Nothing, if UDP and TCP 53 are forwarded to this host; acmedns check ZONE on a host outside shows it.",
        ),
        Kind(
            "ns-no-udp",
            Verdict.FAIL,
            "a name server answers over TCP, but not over UDP",
            "Resolvers ask over UDP first, and most never get to TCP.",
            "Let UDP 53 through every firewall, and forward it as TCP is.",
        ),
        Kind(
            "ns-no-tcp",
            Verdict.FAIL,
            "a name server answers over UDP, but not over TCP",
            "Answers that do not fit a datagram are lost, and with them validations (RFC 7766).",
            "Let TCP 53 through every firewall, and forward it as UDP is.",
        ),
        Kind(
            "ns-unreadable",
            Verdict.FAIL,
            "what answers at the address of a name server is no DNS message",
            _MISSED,
            "Find out what listens there; the zone's server does not.",
        ),
        Kind(
            "ns-other-source",
            Verdict.FAIL,
            "answers come from another address than the one that was asked",
            "Resolvers throw such answers away (RFC 2181 4).",
            "Name each address in dns.listen instead of 0.0.0.0 or ::, and look at source NAT on the way.",
        ),
        Kind(
            "ns-recursor",
            Verdict.FAIL,
            "a resolver answers at the address of a name server, not the zone's server",
            _MISSED,
            f"Something else holds port 53 there, often systemd-resolved or dnsmasq: find it with ss -lnp sport = :53. "
            f"{FREE_PORT_53}",
        ),
        Kind(
            "ns-lame",
            Verdict.FAIL,
            "a name server does not answer for the zone",
            _MISSED,
            "Have it serve the zone, or take it out of the NS records in the zone above and here.",
        ),
        Kind(
            "ns-no-edns",
            Verdict.FAIL,
            "a name server does not answer queries with EDNS, as every resolver sends them",
            _MISSED,
            "Look for a firewall that drops EDNS or larger datagrams on the way.",
        ),
        Kind(
            "ns-edns-512",
            Verdict.WARN,
            "a name server does not answer queries with an EDNS size of 512 octets",
            "Some CAs ask so and would get nothing.",
            "Look for a firewall that changes DNS on the way.",
        ),
        Kind(
            "ns-edns-only",
            Verdict.WARN,
            "a name server does not answer queries without EDNS",
            "Old resolvers and monitors ask so and would get nothing.",
            "Look for a firewall that changes DNS on the way.",
        ),
        Kind(
            "ns-case",
            Verdict.WARN,
            "a name server does not keep the letter case of the question",
            "Let's Encrypt asks in mixed case. Where that does not come back it asks every server of the zone, and "
            "refuses unless all of them answer, and alike: one that is down or late then fails renewals.",
            "Look for a DNS proxy, balancer or firewall in front of the server that rewrites names.",
        ),
        Kind(
            "serial-differs",
            Verdict.WARN,
            "name servers of the zone have different serials",
            "A CA may meet the one that lags behind, and does not find the new challenge there.",
            "See that changes reach every server: its connection to the database, or its zone transfers.",
        ),
        Kind(
            "serial-varies",
            Verdict.WARN,
            "one address answers with different serials, from one question to the next",
            "Several workers or machines answer there, and one lags behind: a CA that meets it does not find the new "
            "challenge.",
            "For this server see acmedns_worker_lag_seconds, or restart it; for machines behind a balancer or anycast, "
            "that changes reach each.",
        ),
        *(
            Kind(
                f"{protocol.lower()}-untested",
                Verdict.NOT_TESTED,
                f"this host reaches no server of the root over {protocol}, so the {protocol} addresses of name servers "
                "were not asked",
                f"CAs ask over {protocol} too, and what they meet there is not known.",
                f"Run the check from a host with {protocol}.",
            )
            for protocol in ("IPv4", "IPv6")
        ),
        Kind(
            "ns-not-tested",
            Verdict.NOT_TESTED,
            "an address of a name server was not asked all that it should be",
            "What CAs meet there is not known.",
            "Where no way leads there, or a firewall of this host forbids it, check from another machine; where the "
            "time ran out, give acmedns check more: --timeout.",
        ),
    )
)
