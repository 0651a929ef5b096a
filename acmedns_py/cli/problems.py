"""How a configuration's problems and warnings are told: one a line, on standard error."""

from collections.abc import Iterable

import typer

from acmedns_py.config.problems import ConfigProblems, one_line


def tell_problems(problems: ConfigProblems) -> None:
    """Print warnings and problems."""
    tell_warnings(problems.warnings)
    _tell(f"{problems.path}: " if problems.path is not None else "", map(str, problems.problems))


def tell_warnings(warnings: Iterable[str]) -> None:
    """Print warnings."""
    _tell("warning: ", warnings)


def _tell(before: str, lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(one_line(before + line), err=True)
