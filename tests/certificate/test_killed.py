"""SIGKILL to the real server at each step of an order: the next start ends with a valid certificate.

The steps are seen from outside: the requests at a gate before Pebble, and the changes of files in
`certificate.state_dir`. Pebble asks our server for the proofs, and counts the orders; `-s` shows the table.
"""

import http.client
import os
import re
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests

from acmedns_py.certificate.pem import SELF_SIGNED
from acmedns_py.config.load import load
from acmedns_py.service.door import open_server
from tests.certificate.conftest import Pebble
from tests.certificate.gate import Step, gate
from tests.lab.authority import Trust
from tests.server import ZONE, Server

SECONDS = 120
TOGETHER = 6
"""They wait for the CA most of the time."""

MORTAL = Path(__file__).with_name("mortal.py")
NEVER_WRITTEN = "the order's URL was not on disk yet"
LOOKED_IN_VAIN = "the CA found nobody to ask, which ends an order"


@dataclass(frozen=True)
class Change:
    """A change of a file: the server dies just before it."""

    event: str
    file: str
    number: int
    what: str

    def __str__(self) -> str:
        """As a row of a table."""
        return f"before {self.file} {self.what}"


STEPS: dict[Step | Change, tuple[int, str]] = {
    Change("os.rename", "account-*.pem", 1, "is kept"): (1, ""),
    Change("os.rename", "certificate.pem", 1, "(self-signed) is kept"): (1, ""),
    Change("os.rename", "pause.json", 1, "is kept, for the try to come"): (1, ""),
    Step("directory", 1, "unheard"): (1, ""),
    Step("newNonce", 1, "unheard"): (1, ""),
    Step("newAccount", 1, "unheard"): (1, ""),
    Step("newAccount", 1, "unanswered"): (1, ""),
    Step("newOrder", 1, "unheard"): (1, ""),
    Step("newOrder", 1, "unanswered"): (2, NEVER_WRITTEN),
    Change("os.rename", "order.json", 1, "is kept"): (2, NEVER_WRITTEN),
    Step("order", 1, "unheard"): (1, ""),
    Step("authorization", 1, "unheard"): (1, ""),
    Step("challenge", 1, "unheard"): (1, ""),
    Step("challenge", 1, "before"): (2, LOOKED_IN_VAIN),
    Step("challenge", 1, "unanswered"): (1, ""),
    Step("authorization", 2, "unheard"): (1, ""),
    Step("order", 2, "unheard"): (1, ""),
    Step("order", 3, "unheard"): (1, ""),
    Step("finalize", 1, "unheard"): (1, ""),
    Step("finalize", 1, "unanswered"): (1, ""),
    Step("order", 4, "unheard"): (1, ""),
    Step("certificate", 1, "unheard"): (1, ""),
    Step("certificate", 1, "unanswered"): (1, ""),
    Change("os.rename", "certificate.pem", 2, "(the CA's) is kept"): (1, ""),
    Change("os.remove", "order.json", 1, "is dropped"): (1, ""),
    Change("os.rename", "pause.json", 2, "is kept, after the try"): (1, ""),
}
"""With the orders that are needed, and why there are more than one."""


def test_killed_at_each_step_the_server_ends_with_a_valid_certificate(
    tmp_path: Path, make_pebble: Callable[..., Pebble], trust: Trust
) -> None:
    """And the CA has taken one order, or two where the first was lost with the process."""
    own = trust.issue("localhost", "127.0.0.1")

    def die(number: int, step: Step | Change) -> int:
        home = tmp_path / f"{number:02}"
        home.mkdir()
        return orders_of(step, home, make_pebble, partial(gate, certificate=own, bundle=trust.bundle))

    with ThreadPoolExecutor(TOGETHER) as threads:
        orders = list(threads.map(die, range(len(STEPS)), STEPS))
    print(f"\n{'killed':66} orders")
    for (step, (_, why)), found in zip(STEPS.items(), orders, strict=True):
        print(f"{step!s:66} {found}  {why}")
    assert dict(zip(STEPS, orders, strict=True)) == {step: needed for step, (needed, _) in STEPS.items()}


def orders_of(
    step: Step | Change, folder: Path, make_pebble: Callable[..., Pebble], make_gate: Callable[..., Any]
) -> int:
    """Kill a server at a step, start it again, see that its certificate is valid; gives the orders at the CA."""
    with ExitStack() as ends:
        server = Server(folder, database_url=f"sqlite:///{folder}/acmedns.db", workers=1)
        ends.callback(server.close)
        pebble = make_pebble(resolver="{}:{}".format(*server.dns))

        def kill() -> None:
            server.kill()
            # The workers die with it, which the kernel sees to a moment later.
            _until(lambda: _is_free(server.dns), "the end of the workers")

        def decided() -> None:
            _until(lambda: re.search(r"authz \S+ set (VALID|INVALID)", pebble.log.read_text()), "the CA's look")

        way = ends.enter_context(
            make_gate(
                pebble.directory,
                step=step if isinstance(step, Step) else None,
                kill=kill,
                decided=decided,
            )
        )
        text = server.config.read_text().replace("[api]", '[api]\ntls = "acme"')
        server.config.write_text(
            f'{text}\n[certificate]\ndirectory = "{way.directory}"\nca_bundle = "{pebble.access.ca_bundle}"\n'
            f'state_dir = "{folder}/state"\n'
        )
        before = ()
        if isinstance(step, Change):
            before = (sys.executable, str(MORTAL), step.event, step.file, str(step.number))
        server.spawn(before=before)
        assert server.process is not None
        assert server.process.wait(SECONDS) == -signal.SIGKILL, (step, server.log.read_text())
        if isinstance(step, Step):
            _until(way.passed.is_set, "what is done while the server is dead")
        server.start()
        settings = load(server.config, os.environ).settings
        with open_server(settings) as asked:

            def certified() -> bool:
                found: dict[str, Any] = asked.ask("GET", "/admin/v1/certificate")
                if found["problem"] and not found["at_work"] and found["issuer"] == SELF_SIGNED:
                    # The operator's way out of the pause that an interrupted try leaves.
                    assert found["problem"] == "the last try was interrupted", (step, server.log.read_text())
                    asked.ask("POST", "/admin/v1/certificate/renewal", body={"force": True})
                return not found["at_work"] and found["issuer"] != SELF_SIGNED

            _until(certified, f"a certificate after {step}")
        _see_that_it_is_valid(server, pebble)
        assert not (folder / "state" / "order.json").exists()
        return pebble.orders()


def _see_that_it_is_valid(server: Server, pebble: Pebble) -> None:
    """As a client does that trusts this CA alone."""
    root = requests.get(f"{pebble.management}/roots/0", verify=str(pebble.access.ca_bundle), timeout=20)
    context = ssl.create_default_context(cadata=root.text)
    connection = http.client.HTTPSConnection(*server.api, timeout=20, context=context)
    try:
        connection.sock = context.wrap_socket(socket.create_connection(server.api, 20), server_hostname=ZONE)
        connection.request("GET", "/health/ready")
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def _is_free(address: tuple[str, int]) -> bool:
    """Whether nobody answers DNS there any more."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def _until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
