"""`acmedns token new`, `list` and `revoke`: who may register, use lego's storage, or do as an operator does."""

from typing import Annotated
from urllib.parse import quote

import typer

from acmedns_py.accounts.tokens import REGISTER, SCOPES
from acmedns_py.cli.asking import ConfigPath, door, pages, until
from acmedns_py.cli.forms import NewToken, Token, read
from acmedns_py.cli.output import require_output, told_once
from acmedns_py.cli.printing import Json, print_json, print_table, when

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens.")

TOKENS = "/admin/v1/tokens"

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the token is called in lists and in the log.")]


@app.command()
def new(
    name: Name,
    config: ConfigPath = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE", help=f"What it is for, one of {', '.join(SCOPES)}; may be repeated."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long it is good, as 30d or 12h, or until when.")
    ] = None,
    uses: Annotated[int | None, typer.Option(metavar="N", help="How many accounts it may make.")] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="CIDR", help="From where; may be repeated.")] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Let its holder choose labels like this one, as web-*.")
    ] = None,
    txt_rule: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Which values its accounts may hold: acme, or any text."),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Make a token and print it, this once."""
    wish = {
        "name": name,
        "scopes": scope or [REGISTER],
        "expires": None if expires is None else until(expires, "--expires"),
        "uses": uses,
        "sources": source or [],
        "labels": labels,
        "txt_rule": txt_rule,
    }
    require_output()
    with door(config) as asked:
        made = read(asked.ask("POST", TOKENS, body=wish), NewToken)
    with told_once(f"the token {name} is made and nobody has its text: revoke it, and make one of another name"):
        if json:
            print_json(made)
        else:
            typer.echo(made["token"])


@app.command("list")
def list_tokens(config: ConfigPath = None, *, json: Json = False) -> None:
    """List what is known of each token, which is all but the token itself; as JSON one a line."""
    with door(config) as asked:
        tokens = pages(asked, TOKENS, "tokens", Token, {}, after=0, most=None)
        if json:
            for one in tokens:
                print_json(one)
            return
        found = list(tokens)
    print_table(
        ("NAME", "STATE", "SCOPES", "ACCOUNTS", "USES LEFT", "EXPIRES", "FROM", "LABELS", "TXT", "LAST USED"),
        [_row(one) for one in found],
    )


@app.command()
def revoke(name: Name, config: ConfigPath = None, *, json: Json = False) -> None:
    """End a token for good, at once; the accounts that it made stay."""
    with door(config) as asked:
        ended = asked.ask("DELETE", f"{TOKENS}/{quote(name, safe='')}")
    if json:
        print_json(ended)
    else:
        typer.echo(f"token {name} is revoked")


def _row(token: Token) -> tuple[str, ...]:
    return (
        token["name"],
        token["state"],
        " ".join(token["scopes"]),
        str(token["accounts"]),
        "any" if token["uses_left"] is None else str(token["uses_left"]),
        when(token["expires"]),
        " ".join(token["sources"]) or "anywhere",
        token["labels"] or "random",
        token["txt_rule"],
        when(token["last_used"]),
    )
