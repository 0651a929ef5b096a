"""The resolvers that `acmedns check` is to compare, on unbound: a good one, and one for each way in which others lie."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from tests.lab.layouts import CLIENT
from tests.lab.namespace import Namespace, Program
from tests.lab.unbound import start_unbound


class Kind(Enum):
    """Which resolver, with the address it answers at."""

    GOOD = "127.0.0.1"
    INTERNAL = "127.0.0.3"  # answers for names of the owner's zone itself, or asks another, as a company's server does
    STALE = "127.0.0.4"  # keeps what it has once seen
    FILTERED = "127.0.0.5"  # has a list of names that nobody may look up
    CLOSED = "127.0.0.6"  # answers nobody but itself
    TRUSTING = "127.0.0.7"  # validates nothing


INTERNAL_NAME = "_acme-challenge.internal.example.org"
ABSENT_NAME = "_acme-challenge.absent.example.org"
"""What the internal view has of its own, and what it has not, both in zones that it answers for."""

FAILING_NAME = "_acme-challenge.failing.example.org"
"""What the internal view leaves to a server that is gone."""

INTERNAL_API = "inside.example.org"
"""Where the API is, for who asks the internal view."""

FILTERED_NAME = "_acme-challenge.filtered.example.org"

_FORGETFUL = "  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n"
_SERVER = {
    Kind.GOOD: _FORGETFUL,
    Kind.INTERNAL: _FORGETFUL
    + f'  local-zone: "{INTERNAL_NAME}" static\n  local-data: "{INTERNAL_NAME} 300 CNAME inside.example.org."\n'
    + f'  local-zone: "{ABSENT_NAME}" static\n  local-data: "{ABSENT_NAME} SOA ns.inside. admin.inside. 1 2 3 4 5"\n'
    + f'  local-data: "{INTERNAL_API} A {CLIENT}"\n'
    + f'forward-zone:\n  name: "{FAILING_NAME}"\n  forward-addr: 127.0.0.9\n',
    Kind.STALE: "  cache-min-ttl: 3600\n",
    Kind.FILTERED: _FORGETFUL,
    Kind.CLOSED: "  access-control: 127.0.0.0/8 refuse\n",
    Kind.TRUSTING: _FORGETFUL,
}


def start_resolver(namespace: Namespace, kind: Kind, hints: Path, *, anchors: Path) -> Program:
    """Start a resolver and wait until it answers; all but one validate what lies below the trust `anchors`."""
    clauses, files = "", {}
    if kind is Kind.FILTERED:
        head = "$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 86400 60\n@ NS localhost.\n"
        files["rpz"] = f"{head}{FILTERED_NAME} CNAME .\n"
        clauses = 'rpz:\n  name: "filter"\n  zonefile: "rpz"\n'
    settings = f'  trust-anchor-file: "{anchors}"\n  ede: yes\n{_SERVER[kind]}'
    name = f"unbound-{kind.name.lower()}"
    modules = "iterator" if kind is Kind.TRUSTING else "respip validator iterator"
    return start_unbound(
        namespace, name, kind.value, hints, modules=modules, settings=settings, clauses=clauses, files=files
    )
