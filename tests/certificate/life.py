"""One life of the keeper in this process, with what it has served: begun, awaited and ended by a test."""

import asyncio
import contextlib
from pathlib import Path

from acmedns_py.certificate.keeper import Keeper
from acmedns_py.certificate.options import Access, Wanted
from acmedns_py.certificate.state import State
from acmedns_py.dns import name
from acmedns_py.dns.rrset import RRset

NAMES = ("auth.example.org", "api.example.org")
OVER_HTTP = "www.example.com"
"""A name that is proved over HTTP."""

SECONDS = 30


class Run:
    """One life of the process: the keeper on a folder, with what it has served."""

    def __init__(self, folder: Path, directory: str, access: Access, *, wanted: Wanted | None = None) -> None:
        self.state = State(folder)
        self.wanted = wanted or Wanted(NAMES, "p256", "", directory)
        owners = {host: name.from_text(f"_acme-challenge.{host}") for host in self.wanted.names if host != OVER_HTTP}
        self.keeper = Keeper(self.wanted, access, owners=owners, state=self.state, show=self.show)
        self.served: list[dict[bytes, tuple[bytes, ...]]] = []
        self.shown: list[dict[str, str]] = []
        self.exchanges = 0
        self.caa: dict[str, RRset] = {}
        self.noted = asyncio.Event()
        note = self.keeper._note

        async def noted(pause):
            await note(pause)
            if pause.reason != "the last try was interrupted":
                self.noted.set()

        self.keeper._note = noted

    async def publish(self, values):
        self.served.append(dict(values))

    def show(self, texts):
        self.shown.append(dict(texts))

    def exchanged(self):
        self.exchanges += 1

    async def start(self) -> None:
        """Run as the server has it; `prepare` comes before."""
        await self.keeper.run(publish=self.publish, exchanged=self.exchanged, caa=self.caa.get)

    async def until_noted(self) -> None:
        """Run until one try has come to an end."""
        async with self.running():
            pass

    @contextlib.asynccontextmanager
    async def running(self):
        """Run, from the end of the first try to that of the block."""
        self.keeper.prepare()
        running = asyncio.create_task(self.start())
        try:
            await self.next_noted(running)
            yield running
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    async def next_noted(self, running: "asyncio.Task[None]") -> None:
        """Wait for the end of a try."""
        noted = asyncio.create_task(self.noted.wait())
        try:
            async with asyncio.timeout(SECONDS):
                await asyncio.wait({running, noted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            noted.cancel()
            self.noted.clear()


def minute_passes(folder: Path) -> None:
    """Let the pause be over, without waiting for it."""
    (folder / "pause.json").unlink(missing_ok=True)
