"""What one query costs in the core as the data grow: `Responder.respond` in this process, no socket, no event loop.

Each size has a responder of its own; all of them stand side by side and are asked in turns. The names are asked for in
random order, up to 100,000 different ones, so that what large tables cost the processor's caches is seen.
"""

import csv
import gc
import platform
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from acmedns_py.config import zone as config_zone
from acmedns_py.config.settings import Zone
from acmedns_py.dns import name, source
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.responder import Now, Policy, Responder, Transport
from acmedns_py.dns.rrset import RRset, txt_rdata
from acmedns_py.dns.table import ChallengeTable
from benchmarks import machine, plot, queries, zones
from benchmarks.report import Row, Settings, table

STATIC = (1, 10, 100, 1_000, 5_000, 20_000)
VALUES = (0, 1, 2, 5, 10, 20, 50, 75, 100)
BESIDE = 1_000
"""Accounts where they are not what grows."""

MOST_NAMES, LEAST_QUERIES = 100_000, 20_000

_SOURCE = source.packed(bytes((127, 0, 0, 1)), 53_000)
_NOW = Now(monotonic=1_000.0, unix=1_800_000_000.0)
_ACCOUNTS_AXIS, _STATIC_AXIS, _VALUES_AXIS = "accounts", "static records", "values of one name"


@dataclass(frozen=True, slots=True)
class Point:
    """One size of one axis and one kind of question: the responder, its queries and the octets of an answer."""

    axis: str
    size: int
    question: str
    responder: Responder
    messages: list[bytes]
    transport: Transport
    octets: int

    def microseconds(self) -> float:
        """Ask everything once, by the processor's time; what the loop itself takes, some 0.03 µs, is part of it."""
        respond, transport = self.responder.respond, self.transport
        began = time.process_time_ns()
        for message in self.messages:
            respond(message, _SOURCE, transport, _NOW)
        return (time.process_time_ns() - began) / len(self.messages) / 1000


def run(settings: Settings) -> list[Row]:
    """Measure all sizes in turns, print medians, and draw them where that is wanted."""
    accounts = [10**power for power in range(len(str(settings.many)))]
    points = [*_accounts(accounts), *_static(), *_values()]
    # As in a worker: what was loaded is never looked at by the garbage collector again.
    gc.collect()
    gc.freeze()
    seen: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for _ in range(settings.rounds):
        for point in points:
            seen[point.axis, point.size, point.question].append(point.microseconds())
    gc.unfreeze()
    figures = [
        (
            point.axis,
            point.size,
            point.question,
            point.octets,
            machine.median(seen[point.axis, point.size, point.question]),
        )
        for point in points
    ]
    heads = ("of what", "how many", "question", "octets of the answer", "microseconds")
    print(f"\nCost of one query in the core, medians of {settings.rounds}")
    print(
        table(
            heads, [(axis, f"{size:,}", ask, f"{octets:,}", f"{cost:.2f}") for axis, size, ask, octets, cost in figures]
        )
    )
    if settings.plot is not None:
        settings.plot.write_text(plot.svg(_panels(figures), _caption()), encoding="utf-8")
        with settings.plot.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(heads)
            writer.writerows((*known, f"{cost:.3f}") for *known, cost in figures)
        print(f"  drawn in {settings.plot}, figures beside it")
    return [
        _growth(figures, _ACCOUNTS_AXIS, "TXT"),
        _growth(figures, _STATIC_AXIS, "static TXT"),
    ]


Figure = tuple[str, int, str, int, float]


def _growth(figures: Sequence[Figure], axis: str, question: str) -> Row:
    ours = [(size, cost) for one, size, ask, _, cost in figures if (one, ask) == (axis, question)]
    (smallest, least), (largest, most) = ours[0], ours[-1]
    return Row(f"cost of a query, {question}, {largest:,} {axis} against {smallest}", most / least, " x")


def _caption() -> str:
    return f"Responder.respond alone, without sockets; Python {platform.python_version()}, {machine.model()}"


def _accounts(sizes: Sequence[int]) -> list[Point]:
    points = []
    for size in sizes:
        recipe = zones.Recipe(size, 2)
        responder = _responder(recipe)
        labels = _some(recipe.labels())
        strangers = _some(zones.strange_labels(MOST_NAMES))
        points += [
            _point(_ACCOUNTS_AXIS, size, "TXT", responder, labels, RRType.TXT),
            _point(_ACCOUNTS_AXIS, size, "NODATA", responder, labels, RRType.A),
            _point(_ACCOUNTS_AXIS, size, "NXDOMAIN", responder, strangers, RRType.TXT),
        ]
    return points


def _static() -> list[Point]:
    points = []
    recipe = zones.Recipe(BESIDE, 2)
    for size in STATIC:
        labels = [f"host{number}" for number in range(size)]
        rdata = (txt_rdata(b"x" * 43),)
        responder = _responder(recipe, [RRset(queries.challenge_name(one), RRType.TXT, 300, rdata) for one in labels])
        strangers = _some(zones.strange_labels(MOST_NAMES))
        points += [
            _point(_STATIC_AXIS, size, "TXT", responder, _some(recipe.labels()), RRType.TXT),
            _point(_STATIC_AXIS, size, "static TXT", responder, _some(labels), RRType.TXT),
            _point(_STATIC_AXIS, size, "NXDOMAIN", responder, strangers, RRType.TXT),
        ]
    return points


def _values() -> list[Point]:
    """Over TCP: over UDP an answer of more than 1,232 octets is an empty one with TC."""
    points = []
    for size in VALUES:
        recipe = zones.Recipe(BESIDE, size)
        labels = _some(recipe.labels())
        points.append(
            _point(_VALUES_AXIS, size, "TXT", _responder(recipe), labels, RRType.TXT, transport=Transport.TCP)
        )
    return points


def _responder(recipe: zones.Recipe, static: Sequence[RRset] = ()) -> Responder:
    policy = Policy(cookie_secrets=(bytes(16),))
    apex = name.from_text(zones.ZONE)
    responder = Responder(apex=apex, txt_ttl=zones.TXT_TTL, policy=policy)
    own = config_zone.zone_data(Zone.model_validate({"name": zones.ZONE, "addresses": ["192.0.2.1"]})).rrsets
    challenges = ChallengeTable(apex)
    for label, values in recipe.rows():
        challenges.put(queries.challenge_name(label), tuple(value.encode() for value in values))
    responder.load(1, [*own, *static], challenges)
    return responder


def _some(labels: list[str]) -> list[str]:
    """Give at most so many labels in random order."""
    return random.Random(10).sample(labels, min(len(labels), MOST_NAMES))  # noqa: S311 - repeatable on purpose


def _point(
    axis: str,
    size: int,
    question: str,
    responder: Responder,
    labels: Sequence[str],
    qtype: int,
    *,
    transport: Transport = Transport.UDP,
) -> Point:
    once = [queries.message(queries.challenge_name(label), qtype) for label in labels]
    messages = list(islice(cycle(once), max(len(once), LEAST_QUERIES)))
    answer = responder.respond(messages[0], _SOURCE, transport, _NOW)
    assert answer is not None, "a query gets an answer"
    return Point(axis, size, question, responder, messages, transport, len(answer))


def _panels(figures: Sequence[Figure]) -> list[plot.Panel]:
    panels = []
    for axis in (_ACCOUNTS_AXIS, _STATIC_AXIS, _VALUES_AXIS):
        lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
        octets = {}
        for one, size, question, answer, cost in figures:
            if one == axis:
                lines[question].append((size, cost))
                octets[size] = answer
        sizes = list(octets)
        if axis == _VALUES_AXIS:
            ticks = [(size, f"{size} ({octets[size]:,})") for size in sizes if size % 50 == 0]
            across = f"{axis} (octets of the answer, over TCP)"
        else:
            ticks = [(size, _short(size)) for size in sizes]
            across = axis
        panels.append(
            plot.Panel(
                title=f"Cost of one query by {axis}",
                across=across,
                up="microseconds",
                lines=dict(lines),
                ticks=ticks,
                logarithmic=axis != _VALUES_AXIS,
            )
        )
    return panels


def _short(size: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if size >= unit:
            return f"{size // unit}{letter}"
    return str(size)
