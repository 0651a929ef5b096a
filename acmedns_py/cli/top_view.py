"""What `acmedns top` shows of one or two documents of the route: tables of texts, and how many rows have room."""

from collections.abc import Sequence
from datetime import datetime

from acmedns_py.cli.forms import Counts, Top
from acmedns_py.cli.printing import when

Shown = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""The columns and rows of a table."""


def heading(found: Top) -> str:
    """Say of which time the numbers are."""
    return f"acmedns top at {when(found['at'])}, counting since {when(found['since'])}"


def remark(found: Top) -> str:
    """Say what is not known; empty where all is."""
    if not found["missed"]:
        return ""
    return (
        f"{found['missed']} questions, {found['missed_lately']} of them lately, were more than could be noted: "
        "read the number of each name and network as at least so many."
    )


def tables(found: Top, former: Top | None) -> list[Shown]:
    """Give answers, names, networks and updates, and what failed; those of which there is nothing are left out.

    `former` is the document of a moment before, for the rates.
    """
    lately = f"LAST {found['lately_seconds']:.0f} S"
    every: list[Shown] = [
        (("TRANSPORT", "RCODE", "ANSWERS", "PER SECOND"), answers(found, former)),
        (("NAME", lately, "QUESTIONS"), [(one["fulldomain"], *_counts(one)) for one in found["names"]]),
        (("NETWORK", lately, "QUESTIONS"), [(one["network"], *_counts(one)) for one in found["networks"]]),
        (("FAILED NAME", lately, "LOGGED"), [(one["name"], *_counts(one)) for one in found["failed_names"]]),
        (("FAILED FROM", lately, "LOGGED"), [(one["network"], *_counts(one)) for one in found["failed_networks"]]),
        (
            ("UPDATED", "NAME", "FROM"),
            [(when(one["updated"]), one["fulldomain"], one["updated_from"] or "") for one in found["updates"]],
        ),
    ]
    return [(columns, rows) for columns, rows in every if rows]


def _counts(one: Counts) -> tuple[str, str]:
    sign = "+" if one["at_least"] else ""
    return f"{one['lately']}{sign}", f"{one['questions']}{sign}"


def answers(found: Top, former: Top | None) -> list[tuple[str, ...]]:
    """Give transport, rcode, how many answers since the start and how many a second since `former`, most first.

    There is no rate without a former document, nor beside one of before the server's last start.
    """
    seconds = 0.0
    before: dict[tuple[str, str], int] = {}
    if former is not None and former["since"] == found["since"]:
        seconds = (datetime.fromisoformat(found["at"]) - datetime.fromisoformat(former["at"])).total_seconds()
        before = {(one["transport"], one["rcode"]): one["answers"] for one in former["answers"]}
    rows = []
    for one in found["answers"]:
        more = one["answers"] - before.get((one["transport"], one["rcode"]), 0)
        rate = more / seconds if seconds > 0 else None
        rows.append((one["transport"], one["rcode"], one["answers"], rate))
    rows.sort(key=lambda row: (-(row[3] or 0.0), -row[2]))
    return [
        (transport, rcode, str(count), "" if rate is None else f"{rate:.1f}") for transport, rcode, count, rate in rows
    ]


def room(lines: int, wanted: Sequence[int]) -> list[int]:
    """Share so many lines between tables that want so many rows each: what one leaves over goes to the others."""
    shares = [0] * len(wanted)
    while lines > 0 and (short := [number for number, want in enumerate(wanted) if shares[number] < want]):
        for number in short[:lines]:
            shares[number] += 1
        lines -= len(short)
    return shares
