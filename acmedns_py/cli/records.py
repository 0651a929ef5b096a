"""`acmedns records`: the delegation that the zone above needs, or the CNAME and CAA records of hosts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from acmedns_py.accounts.title import is_for
from acmedns_py.cli.asking import ACCOUNTS, ConfigPath, door, fail, pages, path_of, run, settings_of
from acmedns_py.cli.client_files import bare_domain
from acmedns_py.cli.forms import Account, Named, read
from acmedns_py.cli.printing import Json, print_json, print_table
from acmedns_py.config import values
from acmedns_py.config.problems import one_line
from acmedns_py.config.settings import Check, Settings
from acmedns_py.dns import caa, name
from acmedns_py.errors import Unusable
from acmedns_py.service.checking import caa_places
from acmedns_py.service.door import Door
from acmedns_py.setup import firewall
from acmedns_py.setup.hosts import caa_record, caa_value, challenge_record
from acmedns_py.setup.parent import Layout, other_layout, parent_of, parent_records
from acmedns_py.setup.record import Record

Parent = Annotated[
    str | None,
    typer.Option("--parent", metavar="ZONE", help="The zone that the records go to, else the one a label up."),
]

_USUAL_CA = "letsencrypt.org"

_TITLES = {
    "delegation": "The delegation",
    "glue": "with the addresses of its nameservers",
    "address": "Addresses, each in the zone that the name lies in; leave out what is there already",
    "challenge": "For the certificate of the API, in the zone that its name lies in",
}


def records(
    hosts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[HOST]...", help="What certificates are for, else the zone itself.", show_default=False
        ),
    ] = None,
    config: ConfigPath = None,
    parent: Parent = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ACCOUNT", help="The hosts' account, else the one called so.")
    ] = None,
    ca: Annotated[
        str | None,
        typer.Option(
            "--ca", metavar="DOMAIN", help="The CA by its name in CAA, else check.ca, or without that Let's Encrypt."
        ),
    ] = None,
    account_url: Annotated[
        str | None,
        typer.Option("--account-url", metavar="URL", help="The client's ACME account, for CAA, else check.accounts."),
    ] = None,
    *,
    wildcard: Annotated[bool, typer.Option("--wildcard", help="Let the CA issue for *.HOST too.")] = False,
    json: Json = False,
) -> None:
    """Print the records for the zone above, and what the firewall must let in; with HOST its CNAME and CAA records."""
    if not hosts:
        tell_zone(settings_of(config), parent, json=json)
        return
    wanted = list(dict.fromkeys(_bare(host) for host in hosts))
    zone = None if parent is None else parent_zone(parent, above=wanted)
    settings = settings_of(config)
    issuers = _issuers(ca, account_url, settings.check)
    with door(config) as asked:
        pointers = [challenge_record(bare, _fulldomain(asked, bare, account)) for bare in wanted]
    places = run(caa_places(map(name.from_text, wanted), settings))
    values = [caa_value(issuer, url) for issuer, urls in issuers.items() for url in urls or (None,)]
    limits: dict[Record, None] = {}
    for bare in wanted:
        place = places[name.from_text(bare)]
        here = place.owner == name.from_text(bare)
        for limit in caa.limits(place.found, values, wildcard=wildcard or f"*.{bare}" in hosts, alone=here):
            limits[caa_record(name.to_text(place.owner).removesuffix("."), limit)] = None
    remarks = list(dict.fromkeys(remark for place in places.values() for remark in place.remarks))
    if json:
        found = [record.document(zone) for record in (*pointers, *limits)]
        print_json({"records": found, "remarks": remarks})
        return
    _print_lines(f"In the zone of {', '.join(wanted)}, with no other record at the same name", pointers)
    _print_lines(f"Worth having: no CA but {' and '.join(issuers)} issues for it, by nothing but dns-01", list(limits))
    for remark in remarks:
        typer.echo(one_line(remark))
    if any(limit.value.endswith('";"') for limit in limits):
        typer.echo(
            'issuewild ";" lets nobody issue wildcards there, and below where names have no CAA; else --wildcard.'
        )
    if not all(issuers.values()):
        typer.echo("By --account-url, no ACME account but the client's own.")
    if zone is not None:
        _print_form(zone, [*pointers, *limits])


def _issuers(ca: str | None, account_url: str | None, usual: Check) -> dict[str, tuple[str, ...]]:
    """Give the names of the CAs that are to issue, each with the URLs of the clients' accounts there.

    Those of the configuration count for its one CA; for others, where the host in a URL has the CA's name.
    """
    try:
        names = list(usual.ca or [_USUAL_CA]) if ca is None else [values.issuer(ca)]
    except ValueError as error:
        fail(f"--ca {ca!r} can't be used: {error}")
    urls = usual.accounts if account_url is None else [account_url]
    for url in urls:
        try:
            caa_value(names[0], url)
        except Unusable as error:
            fail(f"{'check.accounts' if account_url is None else '--account-url'} {error}")
    every = account_url is not None or (names == usual.ca and len(names) == 1)
    return {one: tuple(url for url in urls if every or _is_host_of(url, one)) for one in names}


def _is_host_of(url: str, domain: str) -> bool:
    return f".{urlsplit(url).hostname}".endswith(f".{domain}")


def tell_zone(settings: Settings, parent: str | None, *, json: bool, **more: Any) -> None:
    """Print what `acmedns records` prints without hosts; `more` goes into the JSON document."""
    zone = settings.zone.name
    above = parent_of(zone) if parent is None else parent_zone(parent, above=[zone])
    found = parent_records(settings)
    other = other_layout(settings, above)
    ports = firewall.open_ports(settings)
    forwarded = firewall.forwarded(settings)
    # Who forwards a port opens it, as Docker does; which port of the API the world sees is not known here either.
    commands = {} if forwarded else firewall.lines(ports)
    if json:
        document = {"zone": zone, "parent": above, "records": [record.document(above) for record in found]}
        layout = other and {
            "nameservers": other.nameservers,
            "records": [record.document(above) for record in other.records],
        }
        print_json({**more, **document, "other_layout": layout, "firewall": commands, "forward_53_to": forwarded})
        return
    _tell_layout(found, above)
    typer.echo(f"\nNo other record may be at or below {zone} in {above}; no DS either, as the zone is not signed.")
    if other is not None:
        _tell_other(other, above)
    if forwarded:
        _tell_forwarding(forwarded)
    else:
        _tell_firewall(commands, api=len(ports) > len(firewall.DNS_PORTS))


def _tell_layout(found: Sequence[Record], above: str) -> None:
    for purpose, title in _TITLES.items():
        some = [record for record in found if record.purpose == purpose]
        where = f", in the zone {above}" if purpose == "delegation" else ""
        _print_lines(title + where, some)
    _print_form(above, found)


def _tell_other(other: Layout, above: str) -> None:
    """The second layout is always told: whether a provider takes the first one shows when it is typed in."""
    if other.inside:
        why = "with the server's name inside the zone, and no other name needed"
    else:
        why = "for a provider that refuses an address beside an NS record of the same name"
    names = " ".join(f"--nameserver {server}" for server in other.nameservers)
    written = ", ".join(f'"{server}"' for server in other.nameservers)
    typer.echo(f"\nThe other layout, in the place of the first, {why}.")
    typer.echo(f"It needs zone.nameservers = [{written}] in the configuration; acmedns setup writes it by {names}.")
    _tell_layout(other.records, above)


def _tell_forwarding(ports: Sequence[int]) -> None:
    typer.echo(
        f"\nDNS listens on port {', '.join(map(str, ports))}: what comes to port 53 of these addresses, UDP and TCP, "
        "must be let in and brought there, from everywhere."
    )


def _tell_firewall(commands: Mapping[str, Sequence[str]], *, api: bool) -> None:
    more = "; the API need be open to the hosts that renew alone" if api else ""
    typer.echo(f"\nThe firewall must let in DNS over UDP and TCP, from everywhere{more}:")
    for program, lines in commands.items():
        typer.echo(f"  # {program}: {firewall.FIREWALLS[program].remark}")
        for line in lines:
            typer.echo(f"  {line}")


def _print_lines(title: str, found: Sequence[Record]) -> None:
    if found:
        typer.echo(f"{title}:")
        for record in found:
            typer.echo(f"  {record.line}")


def _print_form(zone: str, found: Iterable[Record]) -> None:
    """What to type where a provider asks for type, name and value."""
    rows = [(record.rrtype, field, str(record.ttl), record.value) for record in found if (field := record.field(zone))]
    typer.echo(f"\nIn a provider's form for {zone}:")
    print_table(("TYPE", "NAME", "TTL", "VALUE"), rows)


def parent_zone(text: str, *, above: Iterable[str]) -> str:
    """Read `--parent`, which must be above all of these names."""
    try:
        found = values.host_name(text)
    except ValueError as error:
        fail(f"--parent {text!r} can't be used: {error}")
    for owner in above:
        if not name.is_subdomain(name.from_text(owner), name.from_text(found)):
            fail(f"--parent {text!r} is not above {owner}; name the zone that you edit")
    return found


def _bare(host: str) -> str:
    try:
        return bare_domain(host)
    except ValueError as error:
        fail(f"host {host!r} can't be used: {error}")


def _fulldomain(asked: Door, domain: str, account: str | None) -> str:
    """The complete name of the account that was named, or that is called by the domain, alone or among others."""
    if account is not None:
        return read(asked.ask("GET", path_of(account)), Named)["fulldomain"]
    rows = pages(asked, ACCOUNTS, "accounts", Account, {"label": domain}, after=0, most=None)
    found = [row["fulldomain"] for row in rows if is_for(row["label"], domain)]
    if not found:
        fail(f"no account has the label {domain}; make it by acmedns account new {domain}, or name one by --account")
    if len(found) > 1:
        fail(f"{len(found)} accounts have the label {domain}; choose by --account: {', '.join(found[:_SHOWN])}")
    return found[0]


_SHOWN = 5
"""Accounts in a line."""
