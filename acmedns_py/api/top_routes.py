"""The operator's route about what goes on at this moment: /admin/v1/top."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from acmedns_py.accounts.activity import Live
from acmedns_py.accounts.ranking import Busy
from acmedns_py.api.asked import Asked, Told, known, number
from acmedns_py.dns.codes import Rcode
from acmedns_py.dns.name import to_text
from acmedns_py.errors import Unusable
from acmedns_py.feed.questions import network_text

TOLD: Final = 10
"""Of each kind, where nothing is said; `MOST_TOLD` at most."""

MOST_TOLD: Final = 100
_TRANSPORTS: Final = ("udp", "tcp")


async def top(live: Live | None, asked: Asked, zone: str) -> Told:
    """Give the busiest names and networks, the answers by transport and rcode, and the last updates."""
    most = min(number(known(asked.query, "limit"), "limit", TOLD), MOST_TOLD)
    if live is None:
        raise Unusable("what goes on is known to a running server alone; start acmedns serve")
    seen = live.activity.seen(most)
    return Told(
        200,
        {
            "since": _time(seen.since),
            "at": _time(seen.at),
            "lately_seconds": round(seen.lately_seconds, 3),
            "names": [{"fulldomain": f"{one.name}.{zone}", **_counts(one)} for one in seen.names],
            "networks": _networks(seen.networks),
            "failed_names": [{"name": to_text(one.name), **_counts(one)} for one in seen.failed_names],
            "failed_networks": _networks(seen.failed_networks),
            "missed": seen.missed,
            "missed_lately": seen.missed_lately,
            "answers": list(_answers(live.counters())),
            "updates": [
                {"fulldomain": f"{one.label}.{zone}", "updated": _time(one.at), "updated_from": one.source}
                for one in seen.updates
            ],
        },
    )


def _networks(found: Iterable[Busy[bytes]]) -> list[dict[str, Any]]:
    return [{"network": network_text(one.name), **_counts(one)} for one in found]


def _counts(one: Busy[str] | Busy[bytes]) -> dict[str, Any]:
    return {"lately": one.lately, "questions": one.ever, "at_least": one.at_least}


def _answers(counters: Mapping[str, int]) -> Iterable[dict[str, Any]]:
    """Only counters that are known are told: a worker that was broken into may name any."""
    for transport in _TRANSPORTS:
        for rcode in Rcode:
            if count := counters.get(f"{transport}.{rcode.name}", 0):
                yield {"transport": transport, "rcode": rcode.name, "answers": count}


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
