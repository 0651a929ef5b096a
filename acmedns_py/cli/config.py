"""`acmedns config check`: read the configuration as `serve` would, and print everything that is wrong with it."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from acmedns_py.cli.printing import Json, print_json
from acmedns_py.cli.problems import tell_problems, tell_warnings
from acmedns_py.config.load import Loaded, load
from acmedns_py.config.problems import ConfigProblems, one_line
from acmedns_py.service.ignored import refuse_unknown

app = typer.Typer(no_args_is_help=True, help="Look at the configuration.")


@app.callback()
def config() -> None:
    """Look at the configuration."""


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="PATH", help="The file to check, else the first one found.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Print every problem of the configuration, one a line, and exit 1; without any, say what would be served."""
    try:
        loaded = load(path, os.environ)
        refuse_unknown(loaded)
    except ConfigProblems as problems:
        if json:
            print_json(_document(problems))
        else:
            tell_problems(problems)
        raise typer.Exit(1) from None
    if json:
        print_json(_document(loaded))
    else:
        tell_warnings(loaded.warnings)
        typer.echo(one_line(_summary(loaded)))


def _summary(loaded: Loaded) -> str:
    """Give one line that names the file, the zone and the records that follow from it."""
    where = loaded.path if loaded.path is not None else "environment"
    return f"{where}: no problems; zone {loaded.settings.zone.name}, derived records: {'; '.join(loaded.derived)}"


def _document(read: Loaded | ConfigProblems) -> dict[str, Any]:
    """Say the same for programs; `file` is null where the environment alone was read."""
    wrong = read.problems if isinstance(read, ConfigProblems) else []
    return {
        "good": not wrong,
        "file": None if read.path is None else one_line(str(read.path)),
        "problems": [{"option": one_line(each.option), "problem": one_line(str(each))} for each in wrong],
        "warnings": [one_line(warning) for warning in read.warnings],
        "zone": None if isinstance(read, ConfigProblems) else read.settings.zone.name,
        "derived_records": [] if isinstance(read, ConfigProblems) else list(read.derived),
    }
