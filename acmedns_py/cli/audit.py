"""`acmedns audit`: who has made, changed or deleted which account, when, and from where."""

from typing import Annotated

import typer

from acmedns_py.cli.asking import ConfigPath, door, moment, pages
from acmedns_py.cli.forms import AuditEntry
from acmedns_py.cli.printing import Json, print_json, print_table, when


def audit(
    config: ConfigPath = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only from then on: a date, or 24h and the like.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many.")] = None,
    *,
    json: Json = False,
) -> None:
    """Print the audit log, oldest first; as JSON one entry a line."""
    query = {} if since is None else {"since": moment(since, "--since")}
    with door(config) as asked:
        entries = pages(asked, "/admin/v1/audit", "entries", AuditEntry, query, after=0, most=limit)
        if json:
            for entry in entries:
                print_json(entry)
            return
        found = list(entries)
    print_table(
        ("TIME", "WHO", "FROM", "DID", "TO", "RESULT", "DETAILS"),
        [
            (
                when(one["at"]),
                one["actor"],
                one["source"],
                one["action"],
                one["subject"],
                one["result"],
                ", ".join(f"{key}={value}" for key, value in one["details"].items()),
            )
            for one in found
        ],
    )
