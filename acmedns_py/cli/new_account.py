"""`acmedns account new`: accounts for hosts, passwords in the form of the hosts' clients, and the CNAME records."""

from pathlib import Path
from typing import Annotated, Any

import typer

from acmedns_py.accounts.title import title_of
from acmedns_py.cli.asking import ACCOUNTS, ConfigPath, door, fail
from acmedns_py.cli.client_files import FORMATS, ClientFile, FileRefused, Format, Made, bare_domain, base_url
from acmedns_py.cli.forms import NewCredential, read
from acmedns_py.cli.name_lists import read_names
from acmedns_py.cli.output import require_output, told_once
from acmedns_py.cli.printing import Json, print_facts, print_json
from acmedns_py.errors import Unusable
from acmedns_py.setup.hosts import challenge_record

WRITTEN_AT_ONCE = 100
"""New accounts that are in no file yet: what a command that is killed may lose."""


def new(
    domains: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DOMAIN]...", help="What certificates are for, as example.org.", show_default=False),
    ] = None,
    config: ConfigPath = None,
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="What people call it, else the domains.")] = "",
    subdomain: Annotated[
        str | None, typer.Option("--subdomain", metavar="LABEL", help="Its name in DNS, else a random one.")
    ] = None,
    allow_from: Annotated[
        list[str] | None, typer.Option("--allow-from", metavar="CIDR", help="Where its password may be used from.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="CLIENT", help=f"As it is kept by: {', '.join(FORMATS)}.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The client's file, which may hold others.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Where clients reach the API, as https://acme.example.org."),
    ] = None,
    txt_rule: Annotated[
        str | None, typer.Option("--txt-rule", metavar="RULE", help="Which values it may hold: acme, or any text.")
    ] = None,
    domain_file: Annotated[
        Path | None, typer.Option("--domains", metavar="FILE", help="A file with one domain a line.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Make accounts and print their passwords this once, or write them into a client's file; and the CNAME records."""
    wanted = _domains(domains or [], domain_file)
    if form is None:
        if output is not None:
            fail(f"--output needs --format, one of {', '.join(FORMATS)}")
        chosen, groups = FORMATS["raw"], [[one] for one in wanted] or [[]]
    else:
        chosen = _format(form, wanted)
        groups = [wanted] if chosen.one_account else [[one] for one in wanted] or [[]]
    if subdomain is not None and len(groups) > 1:
        fail(f"--subdomain is the name of one account, and {len(groups)} are to be made; give one domain")
    base = _base_url(url, needed=chosen.needs_url and form is not None)
    file = ClientFile(chosen, output)
    made: list[Made] = []
    if output is None or json:
        require_output()
    with door(config) as asked:
        file.check(wanted)
        written = 0
        warning = None
        try:
            for group in groups:
                body: dict[str, Any] = {
                    "label": label or title_of(group),
                    "allowfrom": allow_from or [],
                }
                if subdomain is not None:
                    body["subdomain"] = subdomain
                if txt_rule is not None:
                    body["txt_rule"] = txt_rule
                made.append(Made(read(asked.ask("POST", ACCOUNTS, body=body), NewCredential), group, base))
                if not made[-1].credential["served"]:
                    # Each further one would be waited for in vain, too.
                    warning = made[-1].credential["warning"]
                    break
                if output is not None and chosen.lines is None and len(made) - written >= WRITTEN_AT_ONCE:
                    file.take(made[written:])
                    written = len(made)
        finally:
            # Also where one of many failed: the passwords of the others are known nowhere else.
            with told_once(_cure(made)):
                _hand_over(file, made, made[written:], output=output, form=form, json=json)
    if warning is not None:
        left = len(groups) - len(made)
        fail(f"{warning}; {left} more accounts were not made" if left else warning)


def _cure(made: list[Made]) -> str:
    """Say what to do with accounts whose passwords could not be told."""
    first = f": {made[0].credential['fulldomain']}" if made else ""
    more = f" and {len(made) - 1} more" if len(made) > 1 else ""
    return f"the accounts are made{first}{more}; give those new passwords (acmedns account rotate) that nobody knows"


def _hand_over(
    file: ClientFile, made: list[Made], unwritten: list[Made], *, output: Path | None, form: str | None, json: bool
) -> None:
    if output is not None and unwritten:
        try:
            file.take(unwritten)
        except FileRefused:
            typer.echo(file.text(unwritten), nl=False)
            raise
    if json:
        for one in made:
            records = [challenge_record(domain, one.credential["fulldomain"]).line for domain in one.domains]
            print_json({**one.credential, "domains": one.domains, "cnames": records})
        return
    if output is None and form is not None and made:
        typer.echo(file.text(made), nl=False)
    for one in made:
        if form is None:
            print_facts({key: one.credential[key] for key in ("fulldomain", "subdomain", "username", "password")})
        for domain in one.domains:
            # Beside a client's file on standard output they would be part of it.
            typer.echo(
                challenge_record(domain, one.credential["fulldomain"]).line, err=form is not None and output is None
            )


def _domains(given: list[str], file: Path | None) -> list[str]:
    """Bare names, each once, of the arguments and of the file's lines."""
    texts = list(given)
    if file is not None:
        try:
            texts += read_names(file, "--domains")
        except Unusable as error:
            fail(str(error))
    found: list[str] = []
    for text in texts:
        try:
            found.append(bare_domain(text))
        except ValueError as error:
            fail(f"domain {text!r} can't be used: {error}")
    return list(dict.fromkeys(found))


def _format(name: str, domains: list[str]) -> Format:
    if name not in FORMATS:
        fail(f"--format {name!r} is not known; known are {', '.join(FORMATS)}")
    form = FORMATS[name]
    if not domains and form.lines is None:
        fail(f"--format {name} keeps accounts by domain; name the domains that certificates are for")
    return form


def _base_url(text: str | None, *, needed: bool) -> str:
    if text is None:
        if needed:
            fail("this format holds the API's address; say it by --url https://HOST, as clients reach it")
        return ""
    try:
        return base_url(text)
    except ValueError as error:
        fail(f"--url {text!r} can't be used; {error}")
