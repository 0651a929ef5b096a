"""The two ways in which operators lay out the DNS of an acme-dns server; every flow runs in both.

They differ in more than the delegation, so that each run covers more: the one has its API on HTTPS under the zone's own
name and a CA that looks from five networks as Let's Encrypt does; the other plain HTTP under another name and a minimising resolver.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.nameserver import address_record
from tests.lab.resolvers import MANY, Kind
from tests.lab.zones import DOMAIN, Delegation

# Where our server answers DNS, two addresses of each family, and where it has its API.
SERVER = ("45.33.8.1", "2600:3c00:8::1", "45.33.8.2", "2600:3c00:8::2")

# Two hosts that ask the API: the one that an account may be bound to, and another.
CLIENT = "45.33.9.7"
OTHER_CLIENT = "45.33.9.8"

ADDRESSES = (*SERVER, CLIENT, OTHER_CLIENT)


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout: what the parent says, where the API is, which resolver the CA asks."""

    title: str
    delegation: Delegation
    nameservers: tuple[str, ...]  # as in our configuration; none: the zone's own name
    api_host: str
    https: bool
    ca_resolver: str

    @property
    def zone(self) -> str:
        """The zone that our server answers for."""
        return self.delegation.zone

    @property
    def api(self) -> str:
        """The base URL for clients, without a final slash."""
        return f"{'https' if self.https else 'http'}://{self.api_host}"

    @property
    def api_listen(self) -> str:
        """Where our server has its API."""
        return f"{SERVER[0]}:{443 if self.https else 80}"

    def parent_records(self) -> list[str]:
        """Give the lines of the parent zone that concern us, for as long as the lab lives."""
        lines = self.delegation.lines()
        if self.api_host not in {self.zone, *(name for name, _ in self.delegation.nameservers)}:
            lines.append(address_record(self.api_host, SERVER[0]))
        return lines


ONE_NAME = Layout(
    title="the zone is the name of the server",
    delegation=Delegation(f"auth.{DOMAIN}", ((f"auth.{DOMAIN}", SERVER),)),
    nameservers=(),
    api_host=f"auth.{DOMAIN}",
    https=True,
    ca_resolver=MANY,
)

SEPARATE_NAMES = Layout(
    title="name servers with names of their own",
    delegation=Delegation(f"acme.{DOMAIN}", ((f"ns1.{DOMAIN}", SERVER[:2]), (f"ns2.{DOMAIN}", SERVER[2:]))),
    nameservers=(f"ns1.{DOMAIN}", f"ns2.{DOMAIN}"),
    api_host=f"api.{DOMAIN}",
    https=False,
    ca_resolver=Kind.STRICT.value,
)

LAYOUTS = {"one-name": ONE_NAME, "separate-names": SEPARATE_NAMES}
