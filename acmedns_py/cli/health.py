"""`acmedns health`: ask the server on this host, over DNS and HTTP, whether it does its work; for container probes.

It reads the same configuration as `serve`, and so finds the addresses that `serve` listens on.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from acmedns_py.cli.printing import Json, print_json
from acmedns_py.config.load import load
from acmedns_py.config.problems import one_line
from acmedns_py.errors import AcmednsError
from acmedns_py.service.probe import unhealthy
from acmedns_py.service.standing import awaits_certificate


@dataclass(slots=True)
class _Health:
    """What was found; `zone` is None where the configuration can't be read."""

    zone: str | None
    awaits_certificate: bool
    problems: list[str]


def health(
    config: Annotated[Path | None, typer.Option("-c", "--config", help="The configuration file.")] = None,
    *,
    json: Json = False,
) -> None:
    """Print one line; exit 0 where DNS and the API answer as they should, 1 where they don't."""
    found = _health(config)
    if json:
        print_json({"healthy": not found.problems, **asdict(found)})
    elif found.problems:
        typer.echo("unhealthy: " + "; ".join(found.problems))
    else:
        answering = (
            "DNS answers, the API waits for its certificate" if found.awaits_certificate else "DNS and API answer"
        )
        typer.echo(f"healthy: {answering}, zone {found.zone}")
    if found.problems:
        raise typer.Exit(1)


def _health(config: Path | None) -> _Health:
    zone, waits = None, False
    try:
        settings = load(config, os.environ).settings
        zone = settings.zone.name
        wrong, wrong_api = unhealthy(settings)
        if wrong_api:
            try:
                waits = awaits_certificate(settings)
            except AcmednsError as error:
                wrong_api.append(f"whether it waits for its first certificate can't be told: {error}")
        if not waits:
            wrong += wrong_api
    except AcmednsError as error:
        wrong = str(error).splitlines()
    return _Health(zone, waits, [one_line(each) for each in wrong])
