"""The resolvers that `acmedns check` is to compare, on unbound: a good one, and one for each way in which others lie."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from tests.lab.namespace import Namespace, Program
from tests.tools import peers


class Kind(Enum):
    """Which resolver, with the address it answers at."""

    GOOD = "127.0.0.1"
    INTERNAL = "127.0.0.3"  # answers for names of the owner's zone itself, or asks another, as a company's server does
    STALE = "127.0.0.4"  # keeps what it has once seen
    FILTERED = "127.0.0.5"  # has a list of names that nobody may look up
    CLOSED = "127.0.0.6"  # answers nobody but itself


INTERNAL_NAME = "_acme-challenge.internal.example.org"
ABSENT_NAME = "_acme-challenge.absent.example.org"
"""What the internal view has of its own, and what it has not, both in zones that it answers for."""

FAILING_NAME = "_acme-challenge.failing.example.org"
"""What the internal view leaves to a server that is gone."""

FILTERED_NAME = "_acme-challenge.filtered.example.org"

_FORGETFUL = "  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n"
_SERVER = {
    Kind.GOOD: _FORGETFUL,
    Kind.INTERNAL: _FORGETFUL
    + f'  local-zone: "{INTERNAL_NAME}" static\n  local-data: "{INTERNAL_NAME} 300 CNAME inside.example.org."\n'
    + f'  local-zone: "{ABSENT_NAME}" static\n  local-data: "{ABSENT_NAME} SOA ns.inside. admin.inside. 1 2 3 4 5"\n'
    + f'forward-zone:\n  name: "{FAILING_NAME}"\n  forward-addr: 127.0.0.9\n',
    Kind.STALE: "  cache-min-ttl: 3600\n",
    Kind.FILTERED: _FORGETFUL,
    Kind.CLOSED: "  access-control: 127.0.0.0/8 refuse\n",
}


def start_resolver(namespace: Namespace, kind: Kind, hints: Path, *, anchors: Path) -> Program:
    """Start a resolver that validates what lies below the trust `anchors`, and wait until it answers."""
    name = f"unbound-{kind.name.lower()}"
    folder = namespace.folder / name
    folder.mkdir()
    rpz = ""
    if kind is Kind.FILTERED:
        zone = folder / "rpz"
        zone.write_text(
            f"$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 86400 60\n@ NS localhost.\n{FILTERED_NAME} CNAME .\n",
            encoding="ascii",
        )
        rpz = f'rpz:\n  name: "filter"\n  zonefile: "{zone}"\n'
    configuration = folder / "unbound.conf"
    configuration.write_text(
        f"""server:
  interface: {kind.value}
  port: 53
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  num-threads: 1
  outgoing-range: 200
  root-hints: "{hints}"
  module-config: "respip validator iterator"
  trust-anchor-file: "{anchors}"
  ede: yes
  do-ip6: yes
{_SERVER[kind]}
remote-control:
  control-enable: no
{rpz}""",
        encoding="utf-8",
    )
    program = namespace.start(name, peers.need("unbound"), "-d", "-c", configuration)
    program.wait_for("start of service")
    return program
