"""A way to PostgreSQL that a test can cut where it wants."""

import asyncio
from contextlib import suppress


class Link:
    """A TCP link to PostgreSQL that can be cut around a COMMIT.

    With `hides_end` a client hears that its connection was closed when it sends something, or connects again.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.cut: str = ""
        self.cut_done = asyncio.Event()
        self.hides_end = False
        self.ended = asyncio.Event()
        self._hidden: list[asyncio.StreamWriter] = []
        self.server: asyncio.Server

    async def open(self) -> None:
        """Start."""
        self.server = await asyncio.start_server(self._link, "127.0.0.1", 0)

    def url(self, url: str) -> str:
        """The same database by this link."""
        ours = self.server.sockets[0].getsockname()[1]
        return url.replace(f":{self._port}/", f":{ours}/")

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._show_ends()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.ensure_future(self._copy(far_reader, writer))
        try:
            while octets := await reader.read(65_536):
                if b"COMMIT" in octets and self.cut:
                    cut, self.cut = self.cut, ""
                    if cut == "after":
                        # Hold the answer back, and wait until there is one.
                        back.cancel()
                        far_writer.write(octets)
                        await far_reader.read(1)
                    self.cut_done.set()
                    break
                if far_reader.at_eof():
                    break
                far_writer.write(octets)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            back.cancel()
            for end in (writer, far_writer):
                end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while octets := await reader.read(65_536):
                writer.write(octets)
        self.ended.set()
        self._hidden.append(writer)
        if not self.hides_end:
            self._show_ends()

    def _show_ends(self) -> None:
        while self._hidden:
            self._hidden.pop().transport.abort()
