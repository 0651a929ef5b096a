"""The operator's route about who asked for an account's name: /admin/v1/accounts/NAME/trace."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from acmedns_py.accounts.administration import Administration
from acmedns_py.accounts.trace import Round
from acmedns_py.accounts.verdict import facts_of, own, verdict
from acmedns_py.api.asked import Told
from acmedns_py.feed.questions import Asker, network_text


async def trace(accounts: Administration, name: str, zone: str) -> Told:
    """Give the last updates of an account, who asked behind each, and what that says."""
    shown, traced = await accounts.traced(name)
    account = shown.account
    facts = facts_of(account, traced)
    judged = verdict(facts)
    return Told(
        200,
        {
            "username": account.username,
            "fulldomain": f"{account.label}.{zone}",
            "label": account.title,
            "last_update": account.last_update_at,
            "last_update_from": account.last_update_from,
            "values": [{"written": one.written_at, "age_seconds": one.age_seconds} for one in shown.values],
            "known_since": _time(traced.since),
            "complete": traced.complete,
            "verdict": judged.word,
            "detail": judged.text,
            "rounds": [
                _round(one, facts.updated_from if number == 0 else one.source)
                for number, one in enumerate(traced.rounds)
                if one.at is not None or one.askers
            ],
        },
    )


def _round(one: Round, updated_from: str | None) -> dict[str, Any]:
    askers = sorted(one.askers.values(), key=lambda asker: asker.first)
    return {
        "updated": None if one.at is None else _time(one.at),
        "updated_from": one.source,
        "questions": sum(asker.count for asker in askers),
        "first": _time(askers[0].first) if askers else None,
        "last": _time(max(asker.last for asker in askers)) if askers else None,
        "more_networks": one.crowded,
        "networks": list(_networks(askers, updated_from)),
    }


def _networks(askers: Iterable[Asker], updated_from: str | None) -> Iterable[dict[str, Any]]:
    for asker in askers:
        yield {
            "network": network_text(asker.network),
            "questions": asker.count,
            "first": _time(asker.first),
            "last": _time(asker.last),
            "own": own(asker, updated_from),
            "valued": asker.valued,
        }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
