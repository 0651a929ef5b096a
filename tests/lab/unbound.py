"""Resolvers on unbound: what the kinds of the labs have in common."""

from __future__ import annotations

from pathlib import Path

from tests.lab.namespace import Namespace, Program
from tests.tools import peers


def start_unbound(
    namespace: Namespace,
    name: str,
    address: str,
    hints: Path,
    *,
    modules: str = "iterator",
    settings: str = "",
    clauses: str = "",
    files: dict[str, str] | None = None,
) -> Program:
    """Start a resolver of these `modules` and wait until it listens; it answers addresses of this machine.

    `settings` are more lines of its server clause, `clauses` stand behind it; `files` are written into its folder,
    where it looks for them.
    """
    folder = namespace.folder / name
    folder.mkdir()
    for file, text in (files or {}).items():
        (folder / file).write_text(text, encoding="ascii")
    configuration = folder / "unbound.conf"
    configuration.write_text(
        f"""server:
  interface: {address}
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
  do-ip6: yes
  module-config: "{modules}"
{settings}
remote-control:
  control-enable: no
{clauses}
""",
        encoding="utf-8",
    )
    program = namespace.start(name, peers.need("unbound"), "-d", "-c", configuration)
    program.wait_for("start of service")
    return program
