"""Canaries: served until they are taken away or their time is over, whatever becomes of who asked for them."""

import asyncio
from collections.abc import Mapping

import pytest

from acmedns_py.accounts.administration import Operator
from acmedns_py.accounts.canary import MOST, Canaries
from acmedns_py.accounts.labels import is_label
from acmedns_py.accounts.ports import Entry, Written
from acmedns_py.dns import name
from acmedns_py.errors import NotServed, OutcomeUnknown, StoreUnavailable, Unusable

ZONE = "auth.example.org"
BY = Operator("user:test", "test")


class Zone:
    """What is served; `failures` are raised one by one before anything is."""

    def __init__(self, *failures: Exception) -> None:
        self.served: Mapping[bytes, tuple[bytes, ...]] = {}
        self.failures = list(failures)
        self.changed = asyncio.Event()
        self.noted: list[Entry] = []

    async def publish(self, values: Mapping[bytes, tuple[bytes, ...]]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.served = values
        self.changed.set()

    async def note(self, entry: Entry) -> Written:
        self.noted.append(entry)
        return Written(0)


async def test_it_is_served_at_a_name_that_no_account_can_have_until_it_is_removed():
    """Below the reserved label, each at a name of its own."""
    zone = Zone()
    canaries = Canaries(zone.publish, zone.note, ZONE)
    first, second = await canaries.set(BY), await canaries.set(BY)
    assert zone.served == {name.from_text(one.fulldomain): (one.value.encode(),) for one in (first, second)}
    assert first.fulldomain != second.fulldomain
    assert first.fulldomain.endswith(f"._acmedns-check.{ZONE}")
    assert not is_label("_acmedns-check")
    assert await canaries.remove(first.label, BY)
    assert list(zone.served) == [name.from_text(second.fulldomain)]
    assert not await canaries.remove(first.label, BY), "it was gone already"
    await canaries.stop()


async def test_it_goes_by_itself():
    """Whoever set it has died."""
    zone = Zone()
    await Canaries(zone.publish, zone.note, ZONE, life_seconds=0).set(BY)
    zone.changed.clear()
    await zone.changed.wait()
    assert zone.served == {}


async def test_a_removal_that_failed_leaves_it_to_its_end():
    """What is served then is what is remembered."""
    zone = Zone()
    canaries = Canaries(zone.publish, zone.note, ZONE)
    canary = await canaries.set(BY)
    zone.failures = [StoreUnavailable("gone")]
    with pytest.raises(StoreUnavailable):
        await canaries.remove(canary.label, BY)
    assert await canaries.remove(canary.label, BY)
    assert zone.served == {}
    await canaries.stop()


async def test_one_that_was_not_committed_is_not_served_with_the_next():
    """One that was, or may have been, is: also where workers were late to confirm it."""
    zone = Zone(StoreUnavailable("gone"), NotServed(1, "late"), OutcomeUnknown("cut"))
    canaries = Canaries(zone.publish, zone.note, ZONE)
    for refusal in (StoreUnavailable, NotServed, OutcomeUnknown):
        with pytest.raises(refusal):
            await canaries.set(BY)
    await canaries.set(BY)
    assert len(zone.served) == 3
    await canaries.stop()


async def test_there_are_not_more_than_some_at_a_time():
    """Checks are few, and each takes seconds."""
    zone = Zone()
    canaries = Canaries(zone.publish, zone.note, ZONE)
    for _ in range(MOST):
        await canaries.set(BY)
    with pytest.raises(Unusable, match="under way"):
        await canaries.set(BY)
    await canaries.stop()


async def test_who_set_and_removed_it_is_in_the_audit_log():
    """And who was refused, with the reason; that it went by itself is nobody's doing."""
    zone = Zone()
    canaries = Canaries(zone.publish, zone.note, ZONE)
    canary = await canaries.set(BY)
    await canaries.remove(canary.label, BY)
    await canaries.remove(canary.label, BY)
    zone.failures = [StoreUnavailable("gone")]
    with pytest.raises(StoreUnavailable):
        await canaries.set(BY)
    told = [(one.actor, one.source, one.action, one.result) for one in zone.noted]
    refused = "refused: gone"
    assert told == [
        ("user:test", "test", "canary_set", "done"),
        ("user:test", "test", "canary_removed", "done"),
        ("user:test", "test", "canary_set", refused),
    ]
    await canaries.stop()
