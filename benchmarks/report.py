"""The last table: what was to be reached, what was aimed at, and what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is measured: rounds, the seconds of each run in them, how many accounts "many" are, where to plot."""

    folder: Path
    rounds: int
    seconds: float
    many: int
    plot: Path | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; without `reach` and `aim` it is for information."""

    what: str
    value: float
    unit: str = ""
    reach: float | None = None
    aim: float | None = None
    at_most: bool = False

    def verdict(self) -> str:
        """Say which of the two was met."""
        if self.reach is None or self.aim is None:
            return ""
        sign = -1 if self.at_most else 1
        if sign * self.value >= sign * self.aim:
            return "aim met"
        return "reached" if sign * self.value >= sign * self.reach else "NOT REACHED"

    def cells(self) -> tuple[str, ...]:
        """Give the row as texts."""
        limits = ["" if limit is None else f"{limit:g}{self.unit}" for limit in (self.reach, self.aim)]
        return self.what, f"{self.value:,.{0 if self.value >= 100 else 2}f}{self.unit}", *limits, self.verdict()


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a table in columns, the first flush left, the others flush right."""
    widths = [max(len(line[column]) for line in [heads, *rows]) for column in range(len(heads))]
    lines = [
        "  ".join(
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in [heads, *rows]
    ]
    return "\n".join(f"  {line.rstrip()}" for line in lines)


def verdicts(rows: Sequence[Row]) -> str:
    """Give the table of all rows."""
    return table(("row", "measured", "reach", "aim", "verdict"), [row.cells() for row in rows])
