"""The kinds of what can be found about a host's challenge name; `hosts` judges which there are."""

from typing import Final

from acmedns_py.check.finding import Kind, Verdict, catalogue
from acmedns_py.check.walk import LONGEST_CHAIN

LONG_TTL_SECONDS: Final = 3600
"""What a domain owner's alias may be remembered for before a change of it is a matter of patience."""

REFUSES: Final = "No CA can issue for the host by dns-01 now."
"""Findings about one host name it here."""

_POINT: Final = (
    "Set the CNAME record at the host's DNS provider; acmedns account new HOST makes an account and prints the record."
)

BROKEN: Final = Kind(
    "host-zone-broken",
    Verdict.FAIL,
    "no server answers for a zone on the host's path",
    REFUSES,
    "See at the provider of that zone why its servers don't answer for it, or whether its delegation is still right.",
)
UNTESTED: Final = Kind(
    "host-not-tested",
    Verdict.NOT_TESTED,
    "servers on the host's path were not asked",
    "Whether a CA can issue for the host is not known.",
    "Where no way leads to them, check from a machine that reaches them, with IPv6 if they have no other addresses; "
    "where the time ran out, check fewer hosts at once or give acmedns check more: --timeout.",
)
MISSING: Final = Kind(
    "host-no-alias",
    Verdict.FAIL,
    "the host's challenge name does not exist",
    REFUSES,
    f"{_POINT} One that is there and can't be seen is flattened by the provider: have it serve the record as it is.",
)
BELOW: Final = Kind(
    "host-account-label",
    Verdict.NOT_TESTED,
    "the challenge name has no records, and perhaps a name of dns-account-01 below it",
    "A client that uses dns-01 can get no certificate. For one that uses dns-account-01 it is not known.",
    "Give the client's account URL, check.accounts or --account-url, to have its name looked at, which "
    "acmedns challenge-name HOST --account-url URL prints. For dns-01 set a CNAME record at the challenge name.",
)
TXT_INSTEAD: Final = Kind(
    "host-txt-instead",
    Verdict.FAIL,
    "the provider has a TXT record at the challenge name and no CNAME record",
    "A CA reads that value and never asks this server, so that what clients set here is of no use.",
    "Delete the TXT record, which an earlier way of validation has left, and set the CNAME record.",
)
FLATTENED: Final = Kind(
    "host-flattened",
    Verdict.NOTE,
    "the provider shows the account's values in the place of the CNAME record (CNAME flattening)",
    "A CA finds a new value only when the provider looks again, which may be as late as the TTL of the former answer.",
    "Where validation fails by chance, have the provider serve the CNAME record as it is, or the client wait longer.",
)
DELEGATED: Final = Kind(
    "host-delegated",
    Verdict.FAIL,
    "NS records lead to our server, which answers for the names of its own zone alone",
    f"It refuses the question for the challenge name. {REFUSES}",
    "Delete the NS records, and set a CNAME record in their place, to the name of an account; acmedns account new HOST "
    "makes an account and prints the record.",
)
TXT_BESIDE: Final = Kind(
    "host-txt-beside",
    Verdict.FAIL,
    "there is a TXT record beside the CNAME record",
    "Resolvers take the one or the other (RFC 1034 3.6.2), so that validation fails by chance.",
    "Delete the TXT record at the provider.",
)
OWNER_DOUBLED: Final = Kind(
    "host-owner-doubled",
    Verdict.FAIL,
    "the record was made with the zone's name twice at its end",
    f"The name that a CA asks for does not exist. {REFUSES}",
    "The provider completes names by the zone: write the name without the zone there, or with a dot at its end.",
)
TARGET_DOUBLED: Final = Kind(
    "host-target-doubled",
    Verdict.FAIL,
    "the alias leads to our name with the provider's zone behind it",
    f"The name that it leads to does not exist. {REFUSES}",
    "The provider completes targets by the zone: write the target with a dot at its end.",
)
DANGLING: Final = Kind(
    "host-dangling",
    Verdict.FAIL,
    "the alias leads to a name that does not exist",
    REFUSES,
    "Let the CNAME record lead to the name of an account; acmedns account list shows them.",
)
ELSEWHERE: Final = Kind(
    "host-elsewhere",
    Verdict.FAIL,
    "the alias ends outside of our zone",
    "A CA asks another server than this one, so that what clients set here is of no use.",
    "Let the CNAME record lead to the name of an account; acmedns account list shows them.",
)
TAKEN: Final = Kind(
    "host-taken",
    Verdict.FAIL,
    "another service has the challenge name",
    "A name has one CNAME record: as long as that service proves this host, no client of ours can.",
    "Decide who gets the certificate. For ours replace the CNAME record; the other service loses its own renewal.",
)
LOOP: Final = Kind(
    "host-loop",
    Verdict.FAIL,
    "the aliases lead back to where they have been",
    REFUSES,
    "Let the CNAME record lead to the name of an account; acmedns account list shows them.",
)
TOO_LONG: Final = Kind(
    "host-chain-too-long",
    Verdict.FAIL,
    f"more than {LONGEST_CHAIN} aliases follow one another",
    f"Resolvers give up after that many. {REFUSES}",
    "Let the host's CNAME record lead to the name of an account directly.",
)
WILDCARD: Final = Kind(
    "host-wildcard",
    Verdict.FAIL,
    "a wildcard record answers in place of the challenge name, and leads elsewhere",
    REFUSES,
    "Set a CNAME record for the challenge name itself; it goes before the wildcard.",
)
WILDCARD_SHARED: Final = Kind(
    "host-wildcard-shared",
    Verdict.NOTE,
    "the challenge name is answered by a wildcard record",
    "Every host below it shares one account: who may set its values can get a certificate for each of them.",
    "Where the hosts are not one owner's, set a CNAME record to an account of its own for each.",
)
NO_ACCOUNT: Final = Kind(
    "host-no-account",
    Verdict.FAIL,
    "the alias leads into our zone, to a name that is no account's",
    REFUSES,
    "Let the CNAME record lead to the name of an account; a deleted account's name is never given out again.",
)
DISABLED: Final = Kind(
    "host-account-disabled",
    Verdict.FAIL,
    "the alias leads to an account that is disabled",
    "Its client is refused, so that no value can be set and no certificate be issued.",
    "acmedns account enable NAME lets it in again.",
)
OTHER_ACCOUNT: Final = Kind(
    "host-other-account",
    Verdict.WARN,
    "the alias leads to another account than the one that is labelled for the host",
    "The client that knows this host's password sets its values at another name, and the CA finds none here.",
    "Let the CNAME record lead to the host's own account, or correct the label: acmedns account label NAME TEXT.",
)
LABEL: Final = Kind(
    "host-label-differs",
    Verdict.NOTE,
    "the alias leads to an account whose label names other hosts",
    "If the label is right, a client of another host can get a certificate for this one.",
    "Correct the label (acmedns account label NAME TEXT), or let the CNAME record lead to another account.",
)
SHUT_OUT: Final = Kind(
    "host-allowfrom",
    Verdict.WARN,
    "the account takes no updates from where its last one came from",
    "If the client is still there, its next update is refused and the certificate is not renewed.",
    "If the client has moved, nothing. Else correct the list: acmedns account allow-from NAME NETWORK... Where all "
    "updates come from the address of a proxy, name that in api.trusted_proxies and set api.use_header.",
)
ALLOWED_ELSEWHERE: Final = Kind(
    "host-allowfrom-elsewhere",
    Verdict.NOTE,
    "the account was never updated, and takes no updates from the host's own addresses",
    "If the client is on the host, and goes out by one of these, its updates are refused.",
    "If the client is elsewhere, nothing. Else correct the list: acmedns account allow-from NAME NETWORK...",
)
DIFFER: Final = Kind(
    "host-servers-differ",
    Verdict.FAIL,
    "the servers of a zone on the path answer differently",
    "A CA asks any of them, and asks from several places: validation fails by chance.",
    "See why the provider's servers have different data: a second provider, or a secondary that gets no updates.",
)
SERVER_FAILS: Final = Kind(
    "host-server-fails",
    Verdict.WARN,
    "a server of a zone on the path does not answer for it",
    "CAs lose time there at each try, and some give up.",
    "Repair that server, or take its NS record away, in the zone and in the zone above it.",
)
LONG_TTL: Final = Kind(
    "host-ttl-long",
    Verdict.NOTE,
    "the alias is remembered for more than an hour",
    "After a change of it resolvers go on with the former target for so long.",
    f"Set a TTL of at most {LONG_TTL_SECONDS} s on it.",
)
OURS: Final = Kind(
    "host-in-our-zone",
    Verdict.NOTE,
    "the challenge name lies in our own zone",
    "It is no account's: this server sets it for its own certificate alone.",
    'Have the server get that certificate itself (api.tls = "acme"), or use another method there.',
)
OWN: Final = Kind(
    "host-own-certificate",
    Verdict.NOTE,
    "the alias leads to the name at which this server proves that names of its API are its own",
    "For a name in api.hostnames that is right. For any other host no CA can issue, as no account has that name.",
    "Check it on the server's host, where the configuration tells.",
)
PATH: Final = Kind(
    "host-path",
    Verdict.OK,
    "the challenge name leads to an account, or for a name of the API to the server's own",
    "A CA finds what the host's client, or the server, sets.",
    "Nothing.",
)
LABELS_UNREAD: Final = Kind(
    "labels-unread",
    Verdict.NOT_TESTED,
    "the hosts that labels of accounts name are not known",
    "Whether a CA can issue for them is not known.",
    "See that the server runs and answers, or name the hosts with --host or --hosts-file.",
)
LABELS_MORE: Final = Kind(
    "labels-more",
    Verdict.NOT_TESTED,
    "labels of accounts name more hosts than are checked without being named",
    "Whether a CA can issue for the others is not known.",
    "Check the others by acmedns check --hosts-file FILE, from a timer of your own.",
)

KINDS: Final = catalogue(
    (
        *(
            BROKEN,
            UNTESTED,
            MISSING,
            BELOW,
            TXT_INSTEAD,
            FLATTENED,
            DELEGATED,
            TXT_BESIDE,
            OWNER_DOUBLED,
            TARGET_DOUBLED,
            DANGLING,
            ELSEWHERE,
            TAKEN,
            LOOP,
        ),
        *(
            TOO_LONG,
            WILDCARD,
            WILDCARD_SHARED,
            NO_ACCOUNT,
            DISABLED,
            OTHER_ACCOUNT,
            LABEL,
            DIFFER,
            SERVER_FAILS,
            LONG_TTL,
        ),
        *(SHUT_OUT, ALLOWED_ELSEWHERE),
        *(LABELS_UNREAD, LABELS_MORE, OURS, OWN, PATH),
    )
)
