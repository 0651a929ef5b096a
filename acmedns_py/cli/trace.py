"""`acmedns account trace`: the last updates of an account, who asked behind each, and what that says."""

import typer

from acmedns_py.cli.asking import Account, ConfigPath, door, path_of
from acmedns_py.cli.forms import Asker, Round, Trace, read
from acmedns_py.cli.printing import Json, age, print_facts, print_json, print_table, when
from acmedns_py.service.door import open_server


def trace(account: Account, config: ConfigPath = None, *, json: Json = False) -> None:
    """Tell a broken delegation from a broken client: the last updates, and who has asked for the name since."""
    with door(config, way=open_server) as asked:
        found = read(asked.ask("GET", path_of(account, "trace")), Trace)
    if json:
        print_json(found)
        return
    source = f" from {found['last_update_from']}" if found["last_update_from"] else ""
    print_facts(
        {
            "fulldomain": found["fulldomain"],
            "label": found["label"] or "-",
            "last update": when(found["last_update"]) + source,
            "values": ", ".join(age(one["age_seconds"]) for one in found["values"]) or "none",
            "known since": when(found["known_since"]),
            "verdict": found["detail"],
        }
    )
    if not found["complete"]:
        typer.echo("There were more questions than could be noted: read each number as at least so many.", err=True)
    if found["rounds"]:
        print_table(
            ("UPDATED", "FROM", "QUESTIONS", "NETWORKS", "FIRST", "LAST"),
            [_round(one) for one in found["rounds"]],
        )
        print_table(
            ("ASKED SINCE BY", "QUESTIONS", "FIRST", "LAST", "OWN", "VALUE"),
            [_network(one) for one in found["rounds"][0]["networks"]],
        )


def _round(one: Round) -> tuple[str, ...]:
    return (
        "before that is known" if one["updated"] is None else when(one["updated"]),
        one["updated_from"] or "",
        str(one["questions"]),
        f"{len(one['networks'])}{' or more' if one['more_networks'] else ''}",
        when(one["first"]),
        when(one["last"]),
    )


def _network(one: Asker) -> tuple[str, ...]:
    own, value = ("yes" if what else "no" for what in (one["own"], one["valued"]))
    return one["network"], str(one["questions"]), when(one["first"]), when(one["last"]), own, value
