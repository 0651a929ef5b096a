"""What comes after a try that came to nothing, without an operator's hand: the real server or keeper, and Pebble."""

import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from acmedns_py.certificate.ca import CertificateAuthority
from tests.ask import ask, values
from tests.certificate.conftest import Pebble
from tests.certificate.life import Run
from tests.server import ZONE, Server

OUTSIDE = "api.example.com"
"""A host of the API whose challenge leads nowhere: nobody answers for it."""


class Killed(BaseException):
    """The process is gone at this point."""


async def test_pause_after_a_kill_runs_out_and_the_order_goes_on(
    tmp_path: Path, make_pebble: Callable[..., Pebble]
) -> None:
    """Not before its end, and by itself: no start, no file that is taken away, nobody who asks."""

    def killed(*_: Any) -> NoReturn:
        raise Killed

    pebble = make_pebble()
    folder = tmp_path / "state"
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(CertificateAuthority, "answer", killed)
        await Run(folder, pebble.directory, pebble.access).until_noted()
    run = Run(folder, pebble.directory, pebble.access)
    pause = run.state.pause(time.time())
    assert pause is not None
    assert pause.reason == "the last try was interrupted"
    # As if most of it were over.
    end = time.time() + 1
    run.state.keep_pause(replace(pause, until=end))
    begun: list[float] = []
    enter = CertificateAuthority.enter

    def entered(authority: CertificateAuthority) -> None:
        begun.append(time.time())
        enter(authority)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CertificateAuthority, "enter", entered)
        await run.until_noted()
    assert run.keeper.certified
    assert len(begun) == 1
    assert begun[0] >= end
    assert pebble.orders() == 1


def test_name_that_is_proved_is_not_had_without_the_other(
    make_server: Callable[..., Server], make_pebble: Callable[..., Pebble], tmp_path: Path
) -> None:
    """One of two names fails: it is named, no proof stays, each try orders anew; without it the certificate comes.

    The CA goes on believing in the name that was proved, so that it asks for no proof of it again.
    """
    server = make_server()
    pebble = make_pebble(resolver="{}:{}".format(*server.dns), env={"PEBBLE_AUTHZREUSE": "100"})
    text = server.config.read_text()

    def configure(*hosts: str) -> None:
        server.config.write_text(
            text.replace("[api]", f'[api]\ntls = "acme"\nhostnames = {json.dumps(hosts)}')
            + f'\n[certificate]\ndirectory = "{pebble.directory}"\nca_bundle = "{pebble.access.ca_bundle}"\n'
            f'state_dir = "{tmp_path}/state"\n'
        )

    configure(ZONE, OUTSIDE)
    server.start()
    server.wait_for_log("certificate_not_issued")
    told = server.acmedns("certificate", "renew", "--force", "--json")
    assert told.returncode == 1
    problem = json.loads(told.stdout)["problem"]
    assert problem.startswith(f"{OUTSIDE}: the CA ")
    assert pebble.orders() == 2
    assert not values(ask(server.dns, f"_acme-challenge.{ZONE}"))
    server.stop()
    configure(ZONE)
    server.start()
    told = server.acmedns("certificate", "renew", "--force")
    assert (told.returncode, told.stderr) == (0, "")
    assert pebble.orders() == 3
    # Proved once, by the first order.
    assert len(re.findall(r"authz \S+ set VALID", pebble.log.read_text())) == 1
    server.stop()
