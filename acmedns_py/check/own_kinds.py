"""The kinds of what can be found about the API as clients meet it; `own` judges which there are."""

from typing import Final

from acmedns_py.check.finding import Kind, Verdict, catalogue

_CUT_OFF: Final = "Clients that meet this can't update, and their certificates are not renewed."

KINDS: Final = catalogue(
    (
        Kind(
            "api-unknown",
            Verdict.NOTE,
            "it is not known by which URL clients reach the API",
            "Whether they do was not looked at.",
            "Name it in check.api_url; behind a proxy nothing else tells it.",
        ),
        Kind(
            "api-no-address",
            Verdict.FAIL,
            "the name of the API has no address",
            _CUT_OFF,
            "Give it A or AAAA records; inside the zone by zone.records.",
        ),
        Kind(
            "api-internal",
            Verdict.NOTE,
            "the name of the API is not in public DNS, only in that of this network",
            "Clients elsewhere don't find the API.",
            "Nothing, where all of them are in this network; else give the name A or AAAA records in public DNS.",
        ),
        Kind(
            "api-unresolved",
            Verdict.FAIL,
            "no server answers for the name of the API",
            _CUT_OFF,
            "See what is told of the zone above, where the name lies in it; else, at the provider of its zone, why its "
            "servers don't answer.",
        ),
        Kind(
            "api-unreachable",
            Verdict.FAIL,
            "the API does not answer at an address of its name",
            _CUT_OFF,
            "Let the API or its proxy listen there (api.listen), and its port through every firewall; or take the "
            "address away from the name.",
        ),
        Kind(
            "api-ipv6-untested",
            Verdict.NOT_TESTED,
            "this host has no IPv6, so the IPv6 addresses of the API were not visited",
            "Clients with IPv6 use them first, and what they meet there is not known.",
            "Run the check from a host with IPv6.",
        ),
        Kind(
            "api-not-tested",
            Verdict.NOT_TESTED,
            "an address of the API was not visited",
            "What clients meet there is not known.",
            "Where no way leads there, check from another machine; where the time ran out, give acmedns check "
            "more: --timeout.",
        ),
        Kind(
            "api-inside",
            Verdict.NOT_TESTED,
            "an address of the API can't be seen from inside: it is a router's, which leads nobody back there",
            "Whether clients outside reach the API there is not known.",
            "Have a client outside update, or open the URL of the API there. For clients inside have the name lead to "
            "an address of this host.",
        ),
        Kind(
            "api-certificate",
            Verdict.FAIL,
            "the certificate of the API is not valid for its name, or not trusted",
            _CUT_OFF,
            'With api.tls = "acme" see acmedns certificate show; else renew the certificate of the proxy.',
        ),
        Kind(
            "api-certificate-late",
            Verdict.WARN,
            "the certificate of the API should have been renewed by now",
            "When it ends clients can't update any more, and their certificates end after it.",
            'With api.tls = "acme" see acmedns certificate show; else see why it is not renewed.',
        ),
        Kind(
            "api-certificate-ending",
            Verdict.FAIL,
            "the certificate of the API ends soon, and was not renewed in time",
            "When it ends clients can't update any more, and their certificates end after it.",
            'With api.tls = "acme" see acmedns certificate show; else renew it by hand now.',
        ),
        Kind(
            "api-not-ours",
            Verdict.FAIL,
            "what answers at the URL of the API is not the API",
            _CUT_OFF,
            "Look where the proxy sends requests for this name and path.",
        ),
        Kind(
            "api-unavailable",
            Verdict.FAIL,
            "what answers at the URL of the API says that the API can't serve",
            _CUT_OFF,
            "See whether the server runs (acmedns health) and listens where the proxy sends requests (api.listen).",
        ),
        Kind(
            "api-busy",
            Verdict.NOT_TESTED,
            "what answers at the URL of the API puts this host off: too many requests",
            "What clients meet there is not known; those behind one address with many others may be put off too.",
            "Check again later; let the limits of the proxy leave room for all clients that come from one address.",
        ),
        Kind(
            "api-closed-to-us",
            Verdict.NOT_TESTED,
            "what answers at the URL of the API lets this host in nowhere, not at /update either",
            "Whether it lets clients in is not known.",
            "Where the proxy lets in some networks alone, check from one of them; else let everyone come to /update.",
        ),
        Kind(
            "clock-off",
            Verdict.WARN,
            "the clock of the API's host and the clock here differ",
            "Certificates and values that are judged by a wrong clock end too soon or too late.",
            "Set both clocks by NTP: timedatectl set-ntp true.",
        ),
        Kind(
            "registration-open",
            Verdict.NOTE,
            "whoever reaches the API may register",
            "Strangers can make accounts; each is good for its own name alone.",
            'Set api.registration to "token" and give your hosts a token, or to "off".',
        ),
        Kind(
            "accounts-untold",
            Verdict.NOT_TESTED,
            "the server does not tell of its accounts",
            "Whether any are unused or disabled is not known.",
            "See the server's log; with --api-url, whether the URL is that of its API.",
        ),
        Kind(
            "accounts-unused",
            Verdict.NOTE,
            "accounts have never been updated",
            "Either their clients do not work, or nobody needs them.",
            "Look at them with acmedns account list --never-updated; acmedns check --host NAME tells of one host.",
        ),
        Kind(
            "accounts-disabled",
            Verdict.NOTE,
            "accounts are disabled",
            "Their clients are refused, and certificates that need them are not renewed.",
            "Look at them with acmedns account list --disabled; enable or delete them.",
        ),
    )
)
