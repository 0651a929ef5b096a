"""What is asked before a server's first start, and the configuration that follows from the answers."""

from dataclasses import dataclass, field
from typing import Any, Final

from acmedns_py.config.values import IPAddress
from acmedns_py.dns import name
from acmedns_py.setup.parent import parent_of

DATABASE: Final = "sqlite:////var/lib/acmedns/acmedns.db"
HTTPS: Final = ("0.0.0.0:443", "[::]:443")
BEHIND_A_PROXY: Final = ("127.0.0.1:8080",)
PROXIES: Final = ("127.0.0.1", "::1")
"""From where a proxy on this host comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Each checked by itself, names folded and without their final dot; `tls_files` are certificate and key."""

    zone: str
    addresses: list[IPAddress]
    nameservers: list[str]
    admin: str
    dns_listen: list[str]
    tls: str
    api_name: str
    api_listen: list[str]
    tls_files: tuple[str, str] | None
    registration: str
    database: str
    password: str | None = field(repr=False)

    def document(self) -> dict[str, dict[str, Any]]:
        """Give the options by section; what would say no more than the default is left out."""
        zone: dict[str, Any] = {"name": self.zone, "addresses": [str(address) for address in self.addresses]}
        if self.nameservers != [self.zone]:
            zone["nameservers"] = self.nameservers
        zone["admin"] = self.admin
        if records := self._api_records():
            zone["records"] = records
        api: dict[str, Any] = {"listen": self.api_listen, "tls": self.tls}
        if self.tls == "none":
            # Else all clients are the proxy, to allowfrom and to the limits.
            api |= {"use_header": True, "trusted_proxies": list(PROXIES)}
        if self.tls_files is not None:
            api["tls_certificate"], api["tls_key"] = self.tls_files
        if self.api_name != self.zone:
            api["hostnames"] = [self.api_name]
        api["registration"] = self.registration
        database = {"url": self.database}
        if self.password is not None:
            database["password"] = self.password
        listen = {} if self.dns_listen == ["auto"] else {"dns": {"listen": self.dns_listen}}
        # Behind a proxy nothing else says by which URL clients come, and `acmedns check` does as they do.
        check = {"check": {"api_url": f"https://{self.api_name}"}} if self.tls == "none" else {}
        return {"zone": zone, **listen, "api": api, "database": database, **check}

    def _api_records(self) -> list[str]:
        """The addresses of the API's name where it lies in the zone and no nameserver brings them."""
        host, apex = name.from_text(self.api_name), name.from_text(self.zone)
        if self.api_name in self.nameservers or not name.is_subdomain(host, apex):
            return []
        owner = "@" if host == apex else name.to_text(host)
        return [f"{owner} {'A' if address.version == 4 else 'AAAA'} {address}" for address in self.addresses]


def mailbox_for(zone: str) -> str:
    """Give the mailbox to propose: of the zone above, where mail is taken more often than in one for challenges."""
    above = parent_of(zone)
    return f"hostmaster@{zone if '.' not in above.strip('.') else above}"
