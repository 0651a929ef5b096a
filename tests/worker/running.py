"""Real workers on real sockets, with the zone of the exam, and no database behind them."""

import asyncio
import contextlib
import ipaddress
import threading
from collections.abc import Iterable, Iterator

from acmedns_py.dns.policy import Policy
from acmedns_py.dns.rrset import RRset
from acmedns_py.dns.table import ChallengeTable, Values
from acmedns_py.feed.changes import StaticData, ZoneState
from acmedns_py.feed.image import ZoneImage
from acmedns_py.service.launch import Launcher
from acmedns_py.service.sockets import Address, bind_dns
from acmedns_py.service.workers import Limits, WorkerPool
from tests.dns.example import APEX, CHALLENGES, CURSOR, POLICY, STATIC_LINES, rrsets

GENEROUS = Limits(tcp_connections=1000, tcp_connections_per_client=100)


@contextlib.contextmanager
def workers(
    *hosts: str,
    port: int,
    limits: Limits = GENEROUS,
    policy: Policy = POLICY,
    count: int = 1,
    challenges: dict[bytes, Values] = CHALLENGES,
) -> Iterator[WorkerPool]:
    """Serve the exam's zone on these addresses until the end of the block; the pool's loop runs in a thread."""
    static = {(rrset.owner, rrset.rrtype): StaticData(rrset.ttl, rrset.rdatas) for rrset in _joined()}
    sockets = bind_dns([Address(ipaddress.ip_address(host), port) for host in hosts], protocol="both", workers=count)
    ready, done = threading.Event(), threading.Event()
    pools: list[WorkerPool] = []

    async def live() -> None:
        pool = WorkerPool(
            sockets=sockets,
            workers=count,
            apex=APEX,
            txt_ttl=1,
            policy=policy,
            limits=limits,
            launcher=Launcher(),
            heard=lambda *_: None,
            noted=lambda _: None,
            image=ZoneImage(ZoneState(CURSOR, ChallengeTable(APEX, challenges), static)),
        )
        await pool.start()
        pools.append(pool)
        ready.set()
        await asyncio.to_thread(done.wait)
        await pool.stop(grace_seconds=1)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert ready.wait(60), "the workers are not live"
        yield pools[0]
    finally:
        done.set()
        thread.join()
        for bound in sockets:
            bound.sock.close()


def _joined() -> Iterable[RRset]:
    found: dict[tuple[bytes, int], RRset] = {}
    for rrset in rrsets(STATIC_LINES):
        known = found.get((rrset.owner, rrset.rrtype))
        rdatas = (*known.rdatas, *rrset.rdatas) if known else rrset.rdatas
        found[rrset.owner, rrset.rrtype] = RRset(rrset.owner, rrset.rrtype, rrset.ttl, rdatas)
    return found.values()
