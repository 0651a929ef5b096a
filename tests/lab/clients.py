"""The ACME clients, each run as its users run it: its own command line, configuration and files, no check switched off.

Each function gives the program's result and says nowhere what ought to come of it: that is the flows' business.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.lab.authority import DIRECTORY
from tests.lab.laboratory import Laboratory
from tests.lab.namespace import Program
from tests.tools import peers

Account = Mapping[str, Any]
Result = CompletedProcess[str]

_MAIL = "hostmaster@example.org"

# lego waits a minute for propagation by itself; with 20 names each step may take a while on a busy machine.
_SECONDS = 240


def account_map(names: Sequence[str], account: Account) -> str:
    """Give the file that lego, cert-manager, Caddy and certbot-dns-acmedns share: accounts by bare name."""
    return json.dumps({name: dict(account) for name in names})


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner may read, as clients ask for their credentials."""
    path.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    path.write_text(text, encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True)
class Lego:
    """lego's own command line program."""

    lab: Laboratory
    folder: Path

    @property
    def storage(self) -> Path:
        """The file that lego keeps its acme-dns accounts in."""
        return self.folder / "accounts.json"

    def run(self, *names: str, verb: Sequence[str] = ("run",), **environment: str) -> Result:
        """Order a certificate for the names (or renew it, by `verb`)."""
        return self.lab.namespace.run(
            peers.need("lego"),
            *("--server", DIRECTORY, "--email", _MAIL, "--accept-tos", "--path", str(self.folder), "--dns", "acme-dns"),
            *(word for name in names for word in ("--domains", name)),
            *verb,
            env={
                **self.lab.trusting,
                "ACME_DNS_API_BASE": self.lab.layout.api,
                "ACME_DNS_STORAGE_PATH": str(self.storage),
                **environment,
            },
            seconds=_SECONDS,
            check=False,
        )

    def certificate(self, name: str) -> Path:
        """Where lego puts the certificate whose first name this is."""
        return self.folder / "certificates" / f"{name.replace('*', '_')}.crt"


@dataclass(frozen=True, slots=True)
class Certbot:
    """certbot with folders of its own; `plugin` is its authenticator with the options that belong to it."""

    lab: Laboratory
    folder: Path
    plugin: tuple[str, ...]

    @classmethod
    def with_acmedns(cls, lab: Laboratory, folder: Path, *, base: str, accounts: str) -> Certbot:
        """Give certbot with certbot-dns-acmedns, which never registers: `accounts` is its registration file's text."""
        registration = write_private(folder / "registration.json", accounts)
        credentials = write_private(
            folder / "acmedns.ini",
            f"dns_acmedns_api_url = {base}\ndns_acmedns_registration_file = {registration}\n",
        )
        # Shorter than certbot's 10 s: what our server has acknowledged needs no time to spread.
        waits = ("--dns-acmedns-propagation-seconds", "0")
        return cls(
            lab, folder, ("--authenticator", "dns-acmedns", "--dns-acmedns-credentials", str(credentials), *waits)
        )

    @classmethod
    def with_lego(cls, lab: Laboratory, folder: Path) -> Certbot:
        """Give certbot with certbot-dns-multi, which is lego 5 inside."""
        credentials = write_private(
            folder / "multi.ini",
            "dns_multi_provider = acme-dns\n"
            f"ACME_DNS_API_BASE = {lab.layout.api}\n"
            f"ACME_DNS_STORAGE_PATH = {cls.storage_in(folder)}\n",
        )
        waits = ("--dns-multi-propagation-seconds", "0")
        return cls(lab, folder, ("--authenticator", "dns-multi", "--dns-multi-credentials", str(credentials), *waits))

    @classmethod
    def with_lego_and_storage(cls, lab: Laboratory, folder: Path, *, base: str) -> Certbot:
        """Give the same, with its accounts in our server's storage; `base` has a token in it."""
        credentials = write_private(
            folder / "multi.ini",
            f"dns_multi_provider = acme-dns\nACME_DNS_API_BASE = {base}\nACME_DNS_STORAGE_BASE_URL = {base}/storage\n",
        )
        waits = ("--dns-multi-propagation-seconds", "0")
        return cls(lab, folder, ("--authenticator", "dns-multi", "--dns-multi-credentials", str(credentials), *waits))

    @staticmethod
    def storage_in(folder: Path) -> Path:
        """The file in which the lego inside certbot-dns-multi keeps its acme-dns accounts."""
        return folder / "accounts.json"

    def certonly(self, *names: str, more: Sequence[str] = ()) -> Result:
        """Order a certificate for the names."""
        folders = [word for kind in ("config", "work", "logs") for word in (f"--{kind}-dir", str(self.folder / kind))]
        return self.lab.namespace.run(
            *(
                peers.need("certbot"),
                "certonly",
                "--non-interactive",
                "--agree-tos",
                "--email",
                _MAIL,
                "--no-eff-email",
            ),
            *("--server", DIRECTORY, *folders, *self.plugin, *more),
            *(word for name in names for word in ("--domain", name)),
            env=self.lab.trusting,
            seconds=_SECONDS,
            check=False,
        )

    def certificate(self, name: str) -> Path:
        """Where certbot puts the certificate whose first name this is."""
        return self.folder / "config" / "live" / name.removeprefix("*.") / "cert.pem"


def start_caddy(lab: Laboratory, folder: Path, *, names: Sequence[str], account: Account) -> Program:
    """Start Caddy with its acmedns module; it gets its certificates by itself and stores them below `folder`."""
    credentials = "\n".join(
        f"      {key} {value}"
        for key, value in (
            ("username", account["username"]),
            ("password", account["password"]),
            ("subdomain", account["subdomain"]),
            ("server_url", lab.layout.api),
        )
    )
    caddyfile = write_private(
        folder / "Caddyfile",
        f"""{{
  admin off
  storage file_system {folder}
  acme_ca {DIRECTORY}
  acme_ca_root {lab.trust.bundle}
  email {_MAIL}
  http_port 8081
  https_port 8443
  auto_https disable_redirects
}}
{", ".join(names)} {{
  tls {{
    dns acmedns {{
{credentials}
    }}
  }}
  respond "served"
}}
""",
    )
    return lab.namespace.start(
        folder.name,
        *(peers.need("caddy"), "run", "--adapter", "caddyfile", "--config", caddyfile),
        env={**lab.trusting, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
    )


def cert_manager(lab: Laboratory, folder: Path, *names: str, accounts: str) -> tuple[Result, Path]:
    """Order a certificate with cert-manager's packages; gives the result and where the certificate is."""
    stored = write_private(folder / "acmedns.json", accounts)
    certificate = folder / "certificate.pem"
    done = lab.namespace.run(
        peers.need("cert-manager"),
        *(DIRECTORY, lab.layout.api, str(stored), str(certificate), *names),
        env=lab.trusting,
        seconds=_SECONDS,
        check=False,
    )
    return done, certificate


def goacmedns(lab: Laboratory, version: str, *arguments: str, stdin: str = "") -> Result:
    """Call the Go library's `register BASE [CIDR ...]` or `update BASE VALUE`, in version 0.1 or 0.2."""
    return lab.namespace.run(peers.need(f"goacmedns-{version}"), *arguments, env=lab.trusting, stdin=stdin, check=False)
