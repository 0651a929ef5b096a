"""`acmedns health`: ask the server on this host, over DNS and HTTP, whether it does its work; for container probes.

It reads the same configuration as `serve`, and so finds the addresses that `serve` listens on.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from acmedns_py.config.load import load
from acmedns_py.config.problems import one_line
from acmedns_py.errors import AcmednsError
from acmedns_py.service.probe import unhealthy
from acmedns_py.service.standing import awaits_certificate


def health(
    config: Annotated[Path | None, typer.Option("-c", "--config", help="The configuration file.")] = None,
) -> None:
    """Print one line; exit 0 where DNS and the API answer as they should, 1 where they don't."""
    waits = False
    try:
        settings = load(config, os.environ).settings
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
    if wrong:
        typer.echo(one_line("unhealthy: " + "; ".join(wrong)))
        raise typer.Exit(1)
    answering = "DNS answers, the API waits for its certificate" if waits else "DNS and API answer"
    typer.echo(f"healthy: {answering}, zone {settings.zone.name}")
