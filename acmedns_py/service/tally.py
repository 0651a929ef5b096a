"""What the workers of one place have counted together: totals that a worker's death does not take back.

What a worker has counted between its last report and its end, half a second or so, is lost with it.
"""

from dataclasses import dataclass

from acmedns_py.feed.frames import Report


@dataclass(frozen=True, slots=True)
class PlaceTally:
    """How one worker's place stands: `state` in words, `lag_seconds` of its oldest unconfirmed frame, its deaths.

    `report` has the counts of all workers that this place has had, and the connections of the one that is there.
    """

    worker: int
    state: str
    serial: int
    lag_seconds: float
    deaths: int
    report: Report


NOTHING = Report({}, ())


def together(former: Report, last: Report) -> Report:
    """Give the counts of both, and what `last` says of this moment."""
    counters = dict(former.counters)
    for name, count in last.counters.items():
        counters[name] = counters.get(name, 0) + count
    return Report(
        counters,
        last.answered,
        last.connections,
        former.udp_latency.plus(last.udp_latency),
        former.tcp_latency.plus(last.tcp_latency),
    )
