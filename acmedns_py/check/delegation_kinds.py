"""The kinds of what can be found about a zone's delegation; `delegation` judges which there are."""

from typing import Final

from acmedns_py.check.finding import Kind, Verdict, catalogue

_UNFOUND: Final = "No resolver finds the zone, so every CA will refuse every host."
UNCONFIGURED: Final = "Add its NS records, and glue, to the zone above; acmedns check on the server's host prints them."

_SOME_FAIL: Final = "A CA that asks there gets nothing; it asks from several places, so that issuance fails at times."

KINDS: Final = catalogue(
    (
        Kind(
            "above-unreachable",
            Verdict.FAIL,
            "no server of a zone above answers for it",
            _UNFOUND,
            "Ask who runs the zone above; if dig fails for every zone here, let DNS (UDP and TCP 53) out of this host.",
            stops=True,
        ),
        Kind(
            "dns-blocked",
            Verdict.NOT_TESTED,
            "DNS from this host to the Internet is blocked or intercepted: no server of the root answers it",
            "Nothing can be seen of the zone from here; what CAs meet is not known.",
            "Let DNS (UDP and TCP 53) out of this host to every server, past any router that answers in their place; "
            "or run acmedns check ZONE on another host.",
            stops=True,
        ),
        Kind(
            "delegation-not-tested",
            Verdict.NOT_TESTED,
            "the way from the root to this zone could not be looked at",
            "Nothing is known of the zone.",
            "Where no way leads to those servers, check from another machine; where the time ran out, give acmedns "
            "check more: --timeout.",
            stops=True,
        ),
        Kind(
            "delegation-missing",
            Verdict.FAIL,
            "the zone above does not delegate this zone",
            _UNFOUND,
            "Add these records to the zone above.",
            stops=True,
        ),
        Kind(
            "delegation-alias",
            Verdict.FAIL,
            "the zone above has a CNAME in the place of the delegation",
            _UNFOUND,
            "Replace the CNAME in the zone above by these records.",
            stops=True,
        ),
        Kind(
            "delegation-uneven",
            Verdict.WARN,
            "the servers of the zone above do not all say the same",
            "What a CA meets depends on which of them it asks.",
            "Wait until the change has reached all of them; if it stays, ask who runs the zone above.",
        ),
        Kind(
            "ns-set-differs",
            Verdict.WARN,
            "the zone above names other servers than the zone itself",
            "Resolvers use either set; a server that one of them alone names may be missed or be wrong.",
            "Make both sets the same: here by zone.nameservers, there by these records.",
        ),
        Kind(
            "ns-single",
            Verdict.NOTE,
            "the zone has one name server",
            "While it is down no certificate is issued.",
            "That is good enough for many; a second server elsewhere makes renewals survive the loss of one.",
        ),
        Kind(
            "ns-alias",
            Verdict.FAIL,
            "the name of a name server is a CNAME",
            "Many resolvers do not follow it (RFC 2181 10.3); for a CA the server is not there.",
            "Give the name A and AAAA records of its own, or name the server by its real name in NS records.",
        ),
        Kind(
            "ns-no-address",
            Verdict.FAIL,
            "a name server has no address",
            _SOME_FAIL,
            "Give its name A or AAAA records, as glue in the zone above where it lies inside this zone.",
        ),
        Kind(
            "ns-address-not-tested",
            Verdict.NOT_TESTED,
            "the addresses of a name server could not be looked up",
            "Whether CAs find that server is not known.",
            "Where no way leads to the servers of that name's zone, check from another machine; where the time ran "
            "out, give acmedns check more: --timeout.",
        ),
        Kind(
            "no-server-found",
            Verdict.FAIL,
            "no name server of the zone has an address",
            _UNFOUND,
            "Add these records to the zone above.",
            stops=True,
        ),
        Kind(
            "glue-differs",
            Verdict.FAIL,
            "the glue in the zone above is not the address that the name server has",
            "Resolvers go to the address in the glue first, and there may be nobody, or somebody else.",
            "Correct the address records in the zone above (and in zone.addresses, if those are wrong).",
        ),
        Kind(
            "glue-incomplete",
            Verdict.WARN,
            "the glue in the zone above lacks addresses that the name server has",
            "Resolvers go by the glue. One that has no way to the addresses in it, as IPv6 alone, does not find the "
            "server.",
            "Add the address records that are lacking to the zone above.",
        ),
        Kind(
            "ds-unsigned",
            Verdict.FAIL,
            "the zone above has a DS record, but this zone is not signed with its key",
            "CAs validate DNSSEC; for them the zone is bogus, and they refuse every host.",
            "Remove the DS record from the zone above.",
            stops=True,
        ),
        Kind(
            "above-bogus",
            Verdict.FAIL,
            "the zone above is bogus: its DNSSEC signatures do not hold",
            "CAs validate DNSSEC; for them nothing below that zone can be trusted, and they refuse every host.",
            "Ask who runs the zone above: its signatures have ended, or its keys are not those that are delegated.",
        ),
        Kind(
            "above-unsigned",
            Verdict.NOTE,
            "the zone above is not signed",
            "Answers on the way to this zone can be forged, and by that certificates got, as for most zones.",
            "Sign the zone above (DNSSEC) if it can be; CAs do not demand it.",
        ),
    )
)
