"""The soak in two minutes; `make soak` is the same for longer."""

import asyncio

from tests.soak.run import ATTACKS, Soak, make_server
from tests.tools import peers

SECONDS = 100.0
"""The server's start, the way back to rest and the end come on top."""


def test_nothing_is_wrong_and_nothing_grows_while_everything_happens(tmp_path):
    """Every answer right, memory and descriptors flat, others served under each attack, no worker lost to load."""
    peers.need("dnsperf")
    server = make_server(tmp_path).start()
    soak = Soak(server, SECONDS)
    try:
        asyncio.run(soak.run())
    finally:
        server.close()
        print(soak.text())
    assert soak.report.findings == [], soak.text()
    for what in ("broken UDP answered", "broken TCP answered", "dnsperf UDP completed", "fault: kill", "fault: hang"):
        assert soak.report.counts[what], what
    for crowd in ("slow", "silent", "promising", "dense", "flood"):
        assert soak.report.counts[f"{crowd} connections"], crowd
    for attack in ATTACKS:
        for transport in ("UDP", "TCP"):
            assert soak.report.counts[f"{transport} probes during {attack.__name__}"], attack
