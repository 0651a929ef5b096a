"""`acmedns account ...`: the operator's hand on accounts, by the running server or, where none runs, without it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from acmedns_py.cli import forms
from acmedns_py.cli.asking import ACCOUNTS, Account, ConfigPath, Yes, door, duration, fail, moment, pages, path_of
from acmedns_py.cli.forms import read
from acmedns_py.cli.new_account import new
from acmedns_py.cli.output import require_output, told_once
from acmedns_py.cli.printing import Json, age, print_facts, print_json, print_table, when
from acmedns_py.cli.trace import trace
from acmedns_py.config.problems import one_line

app = typer.Typer(no_args_is_help=True, help="List, make and change accounts.")
app.command("new")(new)
app.command()(trace)

TABLE_ROWS = 100
"""Rows of a table, unless another number is asked for; JSON has no such limit."""

Label = Annotated[str | None, typer.Option("--label", metavar="TEXT", help="Only those whose label has this in it.")]
UnusedSince = Annotated[
    str | None,
    typer.Option("--unused-since", metavar="TIME", help="Only those not updated since: a date, or 90d and the like."),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many.")]
After = Annotated[int, typer.Option("--after", min=0, metavar="ID", help="Only those with a higher id.")]


@app.command("list")
def list_accounts(
    config: ConfigPath = None,
    label: Label = None,
    unused_since: UnusedSince = None,
    last_from: Annotated[
        str | None, typer.Option("--last-from", metavar="ADDRESS", help="Only those last updated from there.")
    ] = None,
    made_by: Annotated[
        str | None, typer.Option("--made-by", metavar="TOKEN", help="Only those that the token of this name made.")
    ] = None,
    limit: Limit = None,
    after: After = 0,
    *,
    never_updated: Annotated[bool, typer.Option("--never-updated", help="Only those without any update.")] = False,
    disabled: Annotated[
        bool | None, typer.Option("--disabled/--enabled", help="Only those, or all but those, that are disabled.")
    ] = None,
    json: Json = False,
) -> None:
    """List accounts by id; as JSON one a line, and all of them unless limited."""
    query: dict[str, str] = {}
    if label is not None:
        query["label"] = label
    if unused_since is not None:
        query["unused_since"] = moment(unused_since, "--unused-since")
    if never_updated:
        query["never_updated"] = "true"
    if last_from is not None:
        query["last_from"] = last_from
    if made_by is not None:
        query["made_by"] = made_by
    if disabled is not None:
        query["disabled"] = "true" if disabled else "false"
    with door(config) as asked:
        if json:
            for account in pages(asked, ACCOUNTS, "accounts", forms.Account, query, after=after, most=limit):
                print_json(account)
            return
        most = limit or TABLE_ROWS
        found = list(pages(asked, ACCOUNTS, "accounts", forms.Account, query, after=after, most=most))
    print_table(
        ("ID", "SUBDOMAIN", "LABEL", "CREATED", "LAST UPDATE", "FROM", "STATE", "TXT", "MADE BY"),
        [
            (
                str(one["id"]),
                one["subdomain"],
                one["label"],
                when(one["created"]),
                when(one["last_update"]),
                one["last_update_from"] or "",
                _state(one),
                one["txt_rule"],
                one["made_by"] or "",
            )
            for one in found
        ],
    )
    if len(found) == most:
        typer.echo(f"there may be more: --after {found[-1]['id']}, or --limit", err=True)


@app.command()
def show(account: Account, config: ConfigPath = None, *, json: Json = False) -> None:
    """Show one account with the values that are answered."""
    with door(config) as asked:
        _print_account(read(asked.ask("GET", path_of(account)), forms.WholeAccount), json=json)


@app.command()
def label(
    account: Account,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What people call it; empty for nothing.")],
    config: ConfigPath = None,
    *,
    json: Json = False,
) -> None:
    """Set what people call an account; its name in DNS stays."""
    _edit(account, {"label": text}, config, json=json)


@app.command("txt-rule")
def txt_rule(
    account: Account,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="any, or acme.")],
    config: ConfigPath = None,
    *,
    json: Json = False,
) -> None:
    """Say which values an account may hold: those of ACME challenges, or any text, as dns-persist-01 needs."""
    _edit(account, {"txt_rule": rule}, config, json=json)


@app.command()
def disable(account: Account, config: ConfigPath = None, *, json: Json = False) -> None:
    """Lock an account: its values are gone from DNS at once, its name stays, and its password is refused."""
    _edit(account, {"disabled": True}, config, json=json)


@app.command()
def enable(account: Account, config: ConfigPath = None, *, json: Json = False) -> None:
    """Let a disabled account in again; the values that it had do not come back."""
    _edit(account, {"disabled": False}, config, json=json)


@app.command()
def delete(account: Account, config: ConfigPath = None, *, yes: Yes = False, json: Json = False) -> None:
    """Delete an account: its name is gone from DNS at once, and nobody ever gets it again."""
    with door(config) as asked:
        found = read(asked.ask("GET", path_of(account)), forms.WholeAccount)
        if not yes:
            called = f" ({found['label']})" if found["label"] else ""
            typer.confirm(f"Delete {found['fulldomain']}{called} for ever?", abort=True, err=True)
        # By its complete name, which no other account has, so that it is the one that was shown.
        asked.ask("DELETE", path_of(found["fulldomain"]))
    if json:
        print_json({"deleted": found["username"], "fulldomain": found["fulldomain"]})
    else:
        typer.echo(f"deleted {found['fulldomain']}")


@app.command()
def rotate(
    account: Account,
    config: ConfigPath = None,
    grace: Annotated[
        str, typer.Option("--grace", metavar="DURATION", help="How long the old password is valid, as 1h or 7d.")
    ] = "0s",
    *,
    json: Json = False,
) -> None:
    """Give an account a new password, and print it this once; its name and so the CNAME stay."""
    seconds = duration(grace, "--grace")
    require_output()
    with door(config) as asked:
        made = read(asked.ask("POST", path_of(account, "password"), body={"grace_seconds": seconds}), forms.NewPassword)
    with told_once(f"{made['fulldomain']} has a new password that nobody knows: rotate it once more"):
        if json:
            print_json(made)
            return
        print_facts({"fulldomain": made["fulldomain"], "username": made["username"], "password": made["password"]})
    note = (
        f"the old password is valid for {grace} more" if seconds else "the old password is refused from this moment on"
    )
    typer.echo(f"Keep the password, it is shown nowhere else; {note}.", err=True)
    for one in made["stored_for"]:
        typer.echo(
            f"The storage of token {one['token']} holds the old password for {one['domain']}: store the new one there.",
            err=True,
        )


@app.command("allow-from")
def allow_from(
    account: Account,
    networks: Annotated[
        list[str] | None, typer.Argument(metavar="[CIDR]...", help="Networks with their masks.", show_default=False)
    ] = None,
    config: ConfigPath = None,
    *,
    anywhere: Annotated[bool, typer.Option("--anywhere", help="Allow every address.")] = False,
    json: Json = False,
) -> None:
    """Replace the networks that an account's password may be used from."""
    if bool(networks) == anywhere:
        fail("name the networks that may use the password, or --anywhere, and not both")
    _edit(account, {"allowfrom": networks or []}, config, json=json)


@app.command()
def values(
    account: Account,
    config: ConfigPath = None,
    set_value: Annotated[str | None, typer.Option("--set", metavar="TXT", help="Add this value, or renew it.")] = None,
    remove: Annotated[str | None, typer.Option("--remove", metavar="TXT", help="Take this value away.")] = None,
    *,
    json: Json = False,
) -> None:
    """Show the values that are answered for an account, oldest first; set or remove one."""
    if set_value is not None and remove is not None:
        fail("--set and --remove can't be done at once; give one of them")
    with door(config) as asked:
        if set_value is not None:
            told = asked.ask("POST", path_of(account, "values"), body={"txt": _text(set_value, "--set")})
            for remark in read(told, forms.ValueSet)["remarks"]:
                typer.echo(one_line(f"acmedns: the value is served, but {remark}"), err=True)
        elif remove is not None:
            told = asked.ask("DELETE", path_of(account, "values"), body={"txt": _text(remove, "--remove")})
        else:
            told = asked.ask("GET", path_of(account))
        found = read(told, forms.WholeAccount)
    if json:
        print_json({"fulldomain": found["fulldomain"], "values": found["values"]})
        return
    for one in found["values"]:
        typer.echo(_value_line(one))


@app.command()
def clear(account: Account, config: ConfigPath = None, *, json: Json = False) -> None:
    """Take all values of an account away; its name stays."""
    with door(config) as asked:
        told = asked.ask("DELETE", path_of(account, "values"), query={"all": "true"})
        _print_account(read(told, forms.WholeAccount), json=json)


def _edit(account: str, change: dict[str, Any], config: Path | None, *, json: bool) -> None:
    with door(config) as asked:
        _print_account(read(asked.ask("PATCH", path_of(account), body=change), forms.WholeAccount), json=json)


def _print_account(found: forms.WholeAccount, *, json: bool) -> None:
    if json:
        print_json(found)
        return
    facts = {
        "fulldomain": found["fulldomain"],
        "username": found["username"],
        "label": found["label"] or "-",
        "state": _state(found),
        "allow-from": ", ".join(found["allowfrom"]) or "anywhere",
        "txt-rule": found["txt_rule"],
        "created": when(found["created"]),
        "last update": when(found["last_update"])
        + (f" from {found['last_update_from']}" if found["last_update_from"] else ""),
    }
    if found["made_by"]:
        facts["made by"] = f"token {found['made_by']}"
    if found["former_password_until"]:
        facts["old password"] = f"valid until {when(found['former_password_until'])}"
    if found["stored_for"]:
        facts["stored for"] = ", ".join(f"{one['domain']} (token {one['token']})" for one in found["stored_for"])
    facts["values"] = str(len(found["values"]))
    print_facts(facts)
    for one in found["values"]:
        typer.echo(f"  {_value_line(one)}")


def _value_line(one: forms.Txt) -> str:
    return f"{one_line(one['txt'])}  {age(one['age_seconds'])}"


def _text(argument: str, option: str) -> str:
    try:
        argument.encode()
    except UnicodeEncodeError:
        fail(f"{option} is not UTF-8; write text")
    return argument


def _state(found: forms.Account) -> str:
    return "disabled" if found["disabled"] else "enabled"
