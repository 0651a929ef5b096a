"""`acmedns check`: walk what a CA would walk, and say what is in its way; any other word is the name of a zone."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from typer.core import TyperGroup

from acmedns_py.accounts.token_text import has_form
from acmedns_py.check.client_file import FORMS
from acmedns_py.check.deadline import BASE_SECONDS, HOST_SECONDS
from acmedns_py.check.paths import Host, host_from_text
from acmedns_py.check.per_host import MOST_HOSTS
from acmedns_py.check.report import EXIT_NOT_TESTED, Report, report_of
from acmedns_py.cli.asking import ConfigPath, door
from acmedns_py.cli.client_files import bare_domain, base_url
from acmedns_py.cli.forms import Begun, LastCheck, read
from acmedns_py.cli.name_lists import read_names
from acmedns_py.cli.printing import Json, print_json, when
from acmedns_py.cli.problems import tell_problems
from acmedns_py.config import values
from acmedns_py.config.load import Loaded, load
from acmedns_py.config.problems import ConfigProblems, one_line
from acmedns_py.config.settings import Check
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError, Unusable
from acmedns_py.log import configure_command
from acmedns_py.service.checking import Elsewhere, check_storage, check_zone
from acmedns_py.service.door import Door, open_server
from acmedns_py.service.ignored import refuse_unknown

_USUAL: Final = "zone"

_LONGEST_TOKEN: Final = 1000

_CHECK: Final = "/admin/v1/check"
_LOOK_SECONDS: Final = 0.5

RootHints = Annotated[
    Path | None, typer.Option("--root-hints", metavar="FILE", help="Where to begin, else the root of the Internet.")
]
Timeout = Annotated[
    int | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=1,
        help=f"What is not looked at by then is NOT TESTED; else {BASE_SECONDS:g}, and {HOST_SECONDS:g} a host.",
        show_default=False,
    ),
]


class _ZoneAtFirst(TyperGroup):
    """Takes `acmedns check auth.example.org` as `acmedns check zone auth.example.org`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the usual command in front where none stands."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [_USUAL, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_ZoneAtFirst)


@app.callback()
def check() -> None:
    """Walk what a CA would walk from the root of DNS to this server, and say what is in its way."""


@app.command(_USUAL)
def zone(
    zone: Annotated[
        str | None, typer.Argument(metavar="ZONE", help="Else the configuration's.", show_default=False)
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option("--host", metavar="NAME", help="Also this host, or *.NAME; may be repeated.")
    ] = None,
    hosts_file: Annotated[
        Path | None, typer.Option("--hosts-file", metavar="FILE", help="Also the hosts of a file, one a line.")
    ] = None,
    resolver: Annotated[
        list[str] | None,
        typer.Option("--resolver", metavar="IP", help="Compare this one besides the system's; may be repeated."),
    ] = None,
    ca: Annotated[
        list[str] | None,
        typer.Option("--ca", metavar="DOMAIN", help="The CA by its name in CAA, else any; may be repeated."),
    ] = None,
    account_url: Annotated[
        list[str] | None,
        typer.Option("--account-url", metavar="URL", help="A client's account at the CA, for CAA; may be repeated."),
    ] = None,
    config: ConfigPath = None,
    root_hints: RootHints = None,
    api_url: Annotated[
        str, typer.Option("--api-url", metavar="URL", help="Of the API of the zone's server, which is elsewhere.")
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Holds a token of the scope write, to set a value there and to read its accounts.",
        ),
    ] = None,
    timeout: Timeout = None,
    *,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels",
            help="Also hosts that labels of accounts in use name, up to 1,000, as this server, or --token-file, tells.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Check a zone; exit 0: good, 1: a warning, 2: something fails, 3: something could not be tested.

    "zone" may be left out. On another host than the server's give the zone: then no configuration is needed. Where
    there is one --resolver, --ca, --account-url and --root-hints go before check.resolvers, check.ca, check.accounts
    and check.root_hints in it.
    """
    loaded = _loaded(config, needed=zone is None)
    configure_command()
    try:
        apex = name.from_text(zone if zone is not None else _configured(loaded))
        hosts, elsewhere = _hosts(host or [], hosts_file), _elsewhere(api_url, token_file)
        options = _options(loaded, resolvers=resolver, ca=ca, accounts=account_url, root_hints=root_hints)
        with _progress() as begun:
            checked = check_zone(
                apex,
                loaded,
                options,
                begun=begun,
                hosts=hosts,
                labelled=labels,
                elsewhere=elsewhere,
                seconds=timeout,
            )
            report = asyncio.run(checked)
    except (AcmednsError, name.InvalidName) as error:
        _fail(str(error))
    _tell(report, json=json)


@app.command()
def client(
    storage: Annotated[
        Path,
        # Whether it can be read is said by whom reads it, with the exit code for that.
        typer.Option("--storage", metavar="FILE", readable=False, help="The file, or directory, of its accounts."),
    ],
    form: Annotated[
        str, typer.Option("--format", metavar="CLIENT", help=f"Whose file it should be: {', '.join(FORMS)}.")
    ] = "",
    api_url: Annotated[str, typer.Option("--api-url", metavar="URL", help="Of the API, before the file's own.")] = "",
    domain: Annotated[
        str, typer.Option("--domain", metavar="NAME", help="What the account is for, where the file does not say.")
    ] = "",
    root_hints: RootHints = None,
    timeout: Timeout = None,
    *,
    json: Json = False,
) -> None:
    """Try the credentials in a client's own file, and the CNAME records that lead to them; changes nothing.

    Exit codes are those of "acmedns check". The form of the file is seen by itself; with --format another is refused.
    """
    configure_command()
    try:
        if form and form not in FORMS:
            raise Unusable(f"--format {form!r} is not known; known are {', '.join(FORMS)}")
        report = asyncio.run(
            check_storage(
                storage,
                form=form,
                url=_client_url(api_url),
                domain=_domain(domain),
                hints=root_hints,
                seconds=timeout,
            )
        )
    except (AcmednsError, ValueError) as error:
        _fail(str(error))
    _tell(report, json=json)


@app.command()
def last(config: ConfigPath = None, *, json: Json = False) -> None:
    """Show the last check that the running server has made by itself; exit codes are those of "acmedns check"."""
    with _server(config) as asked:
        found = _shown(asked)
    if found["failure"] is not None:
        typer.echo(f"The last try came to no report: {found['failure']}", err=True)
    _tell_shown(found, json=json)


@app.command()
def now(config: ConfigPath = None, *, json: Json = False) -> None:
    """Have the running server check at once, and show what it finds, so that what was mended ends its alert.

    Exit codes are those of "acmedns check", which looks from here and tells nobody else.
    """
    with _server(config) as asked, _progress() as begun:
        begun("the server checks")
        # What is under way may have looked before something was mended.
        while not read(asked.ask("POST", _CHECK), Begun)["begun"]:
            time.sleep(_LOOK_SECONDS)
        while (found := _shown(asked))["running"]:
            time.sleep(_LOOK_SECONDS)
    if found["failure"] is not None:
        _fail(f"the check came to no report: {found['failure']}")
    _tell_shown(found, json=json)


@contextmanager
def _server(config: Path | None) -> Iterator[Door]:
    """Give the way to the running server; without one nothing was tested, which is another exit code than a warning."""
    try:
        with door(config, way=open_server) as asked:
            yield asked
    except typer.Exit:
        raise typer.Exit(EXIT_NOT_TESTED) from None


def _shown(asked: Door) -> LastCheck:
    return read(asked.ask("GET", _CHECK), LastCheck)


def _tell_shown(found: LastCheck, *, json: bool) -> NoReturn:
    """Print what the server shows of its check."""
    if json:
        print_json(found)
    if found["report"] is None:
        _fail("this server has not checked yet; acmedns check now has it do so")
    report = report_of(found["report"])
    if not json:
        typer.echo(f"begun {when(found['begun'])}, took {found['seconds'] or 0:.1f} s")
        _print(report)
        if found["unconfirmed"]:
            typer.echo("")
            typer.echo(f"{found['unconfirmed']} failures were seen for the first time: they count when seen once more.")
    raise typer.Exit(report.exit_code)


def _elsewhere(api_url: str, token_file: Path | None) -> Elsewhere | None:
    if not api_url:
        if token_file is not None:
            raise Unusable("--token-file is for a server elsewhere: name its API with --api-url")
        return None
    if token_file is None:
        return Elsewhere(_url(api_url))
    try:
        with token_file.open(encoding="ascii") as file:
            token = file.read(_LONGEST_TOKEN).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"--token-file {token_file} can't be read: {error}") from None
    if not has_form(token):
        raise Unusable(f"--token-file {token_file} holds no token; put there what acmedns token new has printed")
    return Elsewhere(_url(api_url), token)


def _url(text: str) -> str:
    try:
        return values.api_url(text)
    except ValueError as error:
        raise Unusable(f"--api-url {text!r}: {error}") from None


def _client_url(text: str) -> str:
    try:
        return base_url(text) if text else ""
    except ValueError as error:
        raise Unusable(f"--api-url {text!r} can't be used; {error}") from None


def _domain(text: str) -> str:
    try:
        return bare_domain(text) if text else ""
    except ValueError as error:
        raise Unusable(f"--domain {text!r}: {error}") from None


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is under way; elsewhere nothing."""
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with console.status("") as status:
        yield lambda text: status.update(f"{text} ...")


def _tell(report: Report, *, json: bool) -> NoReturn:
    if json:
        print_json(report.document)
    else:
        _print(report)
    raise typer.Exit(report.exit_code)


def _print(report: Report) -> None:
    for line in report.lines():
        typer.echo(line)


def _hosts(given: list[str], file: Path | None) -> list[Host]:
    texts = [*given, *(read_names(file, "--hosts-file") if file is not None else ())]
    if len(texts) > MOST_HOSTS:
        raise Unusable(f"{len(texts)} hosts are too many for one check; give at most {MOST_HOSTS}")
    return [host_from_text(text) for text in texts]


def _loaded(config: Path | None, *, needed: bool) -> Loaded | None:
    try:
        loaded = load(config, os.environ)
        refuse_unknown(loaded)
    except ConfigProblems as problems:
        # A host that is only checked from has no configuration.
        if problems.path is None and config is None and not needed:
            return None
        tell_problems(problems)
        raise typer.Exit(EXIT_NOT_TESTED) from None
    return loaded


_NAMED: Final = {"resolvers": "--resolver", "ca": "--ca", "accounts": "--account-url", "root_hints": "--root-hints"}


def _options(loaded: Loaded | None, **given: list[str] | Path | None) -> Check:
    """Give the configuration's options, or the defaults, with those in their place that were given."""
    before = {} if loaded is None else loaded.settings.check.model_dump()
    try:
        return Check.model_validate(before | {option: value for option, value in given.items() if value})
    except ValidationError as error:
        problem = error.errors()[0]
        option = _NAMED[str(problem["loc"][0])]
        if problem["type"] == "too_long":
            raise Unusable(f"{option} is given more than {problem['ctx']['max_length']} times") from None
        why = problem.get("ctx", {}).get("error", problem["msg"])
        raise Unusable(f"{option} {str(problem['input'])[:200]!r}: {why}") from None


def _configured(loaded: Loaded | None) -> str:
    assert loaded is not None, "it is needed, and so was read"
    return loaded.settings.zone.name


def _fail(text: str) -> NoReturn:
    typer.echo(one_line(f"acmedns: {text}"), err=True)
    raise typer.Exit(EXIT_NOT_TESTED)
