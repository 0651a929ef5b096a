"""`acmedns setup`: asks, or takes by options, what a new server needs to know, and writes its configuration."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from acmedns_py import tls as tls_files
from acmedns_py.cli.asking import fail
from acmedns_py.cli.printing import Json
from acmedns_py.cli.problems import tell_problems
from acmedns_py.cli.questions import Questions, one_of
from acmedns_py.cli.records import Parent, parent_zone, tell_zone
from acmedns_py.config import values
from acmedns_py.config.load import Loaded
from acmedns_py.config.problems import ConfigProblems, one_line
from acmedns_py.config.written import toml
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError, ConfigError, ListenError
from acmedns_py.service.sockets import api_addresses, dns_addresses, http_obstacles, obstacles
from acmedns_py.setup.addresses import private_addresses, public_addresses, remarks
from acmedns_py.setup.answers import BEHIND_A_PROXY, DATABASE, HTTPS, Answers, mailbox_for
from acmedns_py.setup.file import write
from acmedns_py.setup.hosts import CHALLENGE
from acmedns_py.setup.parent import parent_of
from acmedns_py.setup.port import RESOLVED_CURE, free_listen, resolved_is_in_the_way

PLACE = Path("/etc/acmedns/config.toml")

TLS = {
    "acme": "HTTPS with a certificate that this server gets from Let's Encrypt, to whose terms you agree",
    "cert": "HTTPS with files that another client renews",
    "none": "plain HTTP on 127.0.0.1:8080, for a reverse proxy on this host",
}
REGISTRATION = {
    "token": "who shows a token, made by acmedns token new",
    "open": "everyone who reaches the API",
    "off": "no one, as you make accounts by acmedns account new",
}


def setup(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="PATH", help="The file to write.")] = PLACE,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="NAME", help="The zone to serve, as auth.example.org.")
    ] = None,
    nameserver: Annotated[
        list[str] | None, typer.Option("--nameserver", metavar="NAME", help="A name of this server; may be repeated.")
    ] = None,
    addresses: Annotated[
        list[str] | None, typer.Option("--address", metavar="IP", help="A public address; may be repeated.")
    ] = None,
    admin: Annotated[str | None, typer.Option("--admin", metavar="MAIL", help="Who looks after the zone.")] = None,
    tls: Annotated[
        str | None,
        typer.Option("--tls", metavar="MODE", help="acme (you agree to the terms of Let's Encrypt), cert, or none."),
    ] = None,
    api_name: Annotated[
        str | None, typer.Option("--api-name", metavar="NAME", help="The host name of the API.")
    ] = None,
    tls_certificate: Annotated[
        str | None, typer.Option("--tls-certificate", metavar="FILE", help="With --tls cert: chain, PEM.")
    ] = None,
    tls_key: Annotated[str | None, typer.Option("--tls-key", metavar="FILE", help="With --tls cert: key, PEM.")] = None,
    registration: Annotated[
        str | None, typer.Option("--registration", metavar="MODE", help="Who may register: open, token, off.")
    ] = None,
    database: Annotated[str | None, typer.Option("--database", metavar="URL", help="SQLite or PostgreSQL.")] = None,
    listen: Annotated[
        list[str] | None, typer.Option("--listen", metavar="IP", help="Where to answer DNS; may be repeated.")
    ] = None,
    api_listens: Annotated[
        list[str] | None, typer.Option("--api-listen", metavar="IP:PORT", help="Where to serve the API.")
    ] = None,
    parent: Parent = None,
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take what would be proposed.")] = False,
    json: Json = False,
) -> None:
    """Write a configuration, and print the records that the zone above needs and what the firewall must let in."""
    questions = Questions(ask=not yes)
    proposed = [str(one) for one in public_addresses()]
    needed = {"--zone": zone, "--address": addresses or proposed or None, "--tls": tls}
    if tls == "cert":
        needed |= {"--tls-certificate": tls_certificate, "--tls-key": tls_key}
    questions.begin([option for option, given in needed.items() if given is None])
    if config.exists() and not overwrite:
        if yes:
            fail(f"{config} is there already; name another file by -c, or say --overwrite")
        overwrite = typer.confirm(f"{config} is there already. Replace it?", abort=True, err=True)
    if not yes:
        _say("Enter takes what stands in brackets.")

    apex = questions.one("--zone", zone, "The zone to serve, such as auth.example.org", values.zone_name, proposal=None)
    above = parent_of(apex) if parent is None else parent_zone(parent, above=[apex])
    if not yes and nameserver is None:
        _say(
            f"Its nameserver is this host. Where the DNS provider of {above} refuses an address beside an NS record "
            f"of the same name, name it outside, such as ns1.{above}."
        )
    servers = questions.many("--nameserver", nameserver, "Its nameserver", values.host_name, proposal=[apex])
    if not proposed and not yes and addresses is None:
        _say_nat()
    announced = questions.many(
        "--address", addresses, "Public addresses of this host", values.address, proposal=proposed
    )
    mail = questions.one("--admin", admin, "Mailbox of who looks after it", _mailbox, proposal=mailbox_for(apex))
    if not yes and tls is None:
        _say_choices("How hosts reach the API:", TLS)
    mode = questions.one("--tls", tls, "TLS", one_of(TLS), proposal=None if yes else "acme")
    files = None
    if mode == "cert":
        chain = questions.one("--tls-certificate", tls_certificate, "Its certificate with chain", _file, proposal=None)
        key = questions.one("--tls-key", tls_key, "Its key", lambda text: _key(chain, text), proposal=None)
        files = (chain, key)
    host = questions.one("--api-name", api_name, "Host name of the API", _api_name, proposal=apex)
    if not yes and registration is None:
        _say_choices("Who may register accounts for hosts:", REGISTRATION)
    who = questions.one("--registration", registration, "Registration", one_of(REGISTRATION), proposal="token")
    url = questions.one("--database", database, "Database", values.database_url, proposal=DATABASE)
    password = None
    if url.startswith("postgresql:") and urlsplit(url).password is None:
        password = questions.secret("Its password, or nothing where it comes from elsewhere")
    quiet = Questions(ask=False)
    answers = Answers(
        zone=apex,
        addresses=announced,
        nameservers=servers,
        admin=mail,
        dns_listen=quiet.many("--listen", listen, "", values.dns_listen, proposal=free_listen(announced)),
        tls=mode,
        api_name=host,
        api_listen=quiet.many(
            "--api-listen", api_listens, "", values.api_listen, proposal=BEHIND_A_PROXY if mode == "none" else HTTPS
        ),
        tls_files=files,
        registration=who,
        database=url,
        password=password,
    )
    loaded = _written(config, answers, overwrite=overwrite)
    for text in [*loaded.warnings, *remarks(announced)]:
        typer.echo(one_line(f"warning: {text}"), err=True)
    found = _in_the_way(loaded)
    if not json:
        _tell_written(config, loaded)
    tell_zone(
        loaded.settings, parent, json=json, path=one_line(str(config)), in_the_way=[str(error) for error in found]
    )
    if not json:
        _tell_way(found)
        typer.echo("\nWith the records and the firewall in place start the server, then see what acmedns check says.")


def _written(config: Path, answers: Answers, *, overwrite: bool) -> Loaded:
    secret = answers.password is not None or (
        answers.database.startswith("postgresql:") and urlsplit(answers.database).password is not None
    )
    try:
        return write(config, toml(answers.document()), secret=secret, overwrite=overwrite, environ=os.environ)
    except ConfigProblems as problems:
        tell_problems(problems)
        raise typer.Exit(1) from None
    except AcmednsError as error:
        fail(str(error))


def _tell_written(config: Path, loaded: Loaded) -> None:
    typer.echo(one_line(f"{config}: written"))
    api = loaded.settings.api
    if api.use_header:
        proxies = " or ".join(str(network.network_address) for network in api.trusted_proxies)
        typer.echo(
            f"Clients' addresses are taken from {api.header_name}, which a proxy at {proxies} has to set; name any "
            "other one in api.trusted_proxies."
        )
    typer.echo()


def _in_the_way(loaded: Loaded) -> Sequence[ConfigError | ListenError]:
    dns, api = loaded.settings.dns, loaded.settings.api
    found: list[ConfigError | ListenError] = []
    try:
        found += obstacles(dns_addresses(dns.listen, port=dns.port, protocol=dns.protocol), protocol=dns.protocol)
    except ConfigError as error:
        found.append(error)
    return [*found, *http_obstacles(api_addresses(api.listen), called="API")]


def _tell_way(found: Sequence[ConfigError | ListenError]) -> None:
    if not found:
        return
    typer.echo("\nAs things are the server could not start:")
    for error in found:
        typer.echo(one_line(f"  {error}"))
    if resolved_is_in_the_way(found):
        typer.echo("To take the port from systemd-resolved and go on resolving names:")
        for line in RESOLVED_CURE:
            typer.echo(f"  {line}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _say_choices(title: str, choices: dict[str, str]) -> None:
    _say(title)
    for word, meaning in choices.items():
        _say(f"  {word + ':':<6} {meaning}")


def _say_nat() -> None:
    private = ", ".join(str(address) for address in private_addresses()) or "none"
    _say(
        f"This host has no public address ({private}). Behind NAT write the one that the Internet sees; the router "
        "must bring UDP and TCP 53 from there to this host, which answers on its own address."
    )


def _mailbox(text: str) -> str:
    values.mailbox(text)
    return text


def _api_name(text: str) -> str:
    found = values.no_wildcard(values.host_name(text))
    # There has to be room for its challenge, whoever asks for the certificate.
    name.from_text(CHALLENGE + found)
    return found


def _file(text: str) -> str:
    path = Path(text).absolute()
    if (problem := tls_files.unreadable("file", path)) is not None:
        raise ValueError(problem.cure)
    return str(path)


def _key(chain: str, text: str) -> str:
    path = _file(text)
    try:
        tls_files.server_context(Path(chain), Path(path))
    except ConfigError as error:
        raise ValueError(error.cure) from None
    return path
