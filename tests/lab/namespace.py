"""A private network namespace: its addresses, its resolv.conf, and the programs that run in it.

One process holds the namespace open (user, network and mount namespace, so that no root is needed); each program enters
it by `nsenter` and is otherwise an ordinary child of ours. Programs die with us: the kernel kills them when our process
ends, however it ends. Nothing here knows DNS or ACME.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.tools import peers

# How often a condition is looked at that nobody can announce to us: a line in a log, a serial at a name server.
POLL_SECONDS = 0.05


class LabError(Exception):
    """Something in the lab did not do what it should; the text says what and shows what the program printed."""


def until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait until `condition` holds, at most `seconds`; raise LabError naming `what` when it does not."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(POLL_SECONDS)


class Program:
    """A running program of the lab with its log file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def text(self) -> str:
        """Give all that the program has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str, *, seconds: float = 20) -> re.Match[str]:
        """Wait until the program has printed something that matches; raise LabError if it ends or takes too long."""
        found: list[re.Match[str]] = []

        def printed() -> bool:
            ended = self.process.poll() is not None
            if match := re.search(pattern, self.text()):
                found.append(match)
            elif ended:
                raise LabError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            return bool(found)

        try:
            until(printed, seconds=seconds, what=f"{self.name} to print /{pattern}/")
        except LabError as error:
            raise LabError(f"{error}\n{self.tail()}") from None
        return found[0]

    def tail(self, lines: int = 30) -> str:
        """Give the last lines of the log, for error messages."""
        return "\n".join(self.text().splitlines()[-lines:])

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self.process.send_signal(number)

    def stop(self, *, seconds: float = 10) -> int:
        """Ask the program to end and wait for it; kill it when it does not. Gives its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Namespace:
    """The namespace itself; use as a context manager, which ends all that was started in it."""

    def __init__(self, folder: Path, *, addresses: Sequence[str], resolver: str) -> None:
        """Prepare a namespace that has `addresses` on its loopback device and asks `resolver` for names."""
        self.folder = folder
        self._addresses = addresses
        self._resolver = resolver
        self._holder: subprocess.Popen[bytes] | None = None
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        # The holder says when it is inside, then waits for its standard input to close: it can't outlive us.
        holder = subprocess.Popen(
            [str(peers.need("unshare")), "-rnm", "sh", "-c", "echo inside && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._holder = holder
        self._ends.callback(holder.__exit__, None, None, None)
        if holder.stdout is None or holder.stdout.readline() != b"inside\n":
            self._ends.close()
            raise LabError("this machine allows no user namespaces (unshare -rnm failed)")
        resolv_conf = self.folder / "resolv.conf"
        resolv_conf.write_text(f"nameserver {self._resolver}\noptions timeout:2 attempts:2\n", encoding="ascii")
        commands = ["set -e", "ip link set lo up", f"mount --bind {resolv_conf} /etc/resolv.conf"]
        # nodad: an address under duplicate detection can't be bound yet.
        commands += [f"ip addr add {address} dev lo nodad" for address in self._addresses]
        self.run("sh", "-c", "\n".join(commands))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ends.close()

    def command(self, *command: str | Path) -> list[str]:
        """Give the command line that runs `command` inside."""
        if self._holder is None:
            raise LabError("the namespace is not open")
        inside = ("--target", str(self._holder.pid), "--user", "--net", "--mount", "--preserve-credentials")
        working = ("--wd=" + str(self.folder),)
        return [
            *(str(peers.need("nsenter")), *inside, *working),
            *(str(peers.need("setpriv")), "--pdeathsig", "KILL", "--"),
            *map(str, command),
        ]

    def run(
        self,
        *command: str | Path,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        seconds: float = 60,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside to its end; output and errors come together in `stdout`.

        Raises LabError if it takes longer than `seconds`, or (with `check`) if it fails.
        """
        name = Path(command[0]).name
        try:
            done = subprocess.run(
                self.command(*command),
                env=self._environment(env),
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            printed = (late.stdout or b"").decode(errors="replace") if isinstance(late.stdout, bytes) else late.stdout
            raise LabError(f"{name} did not end within {seconds:g} s:\n{printed}") from None
        if check and done.returncode:
            raise LabError(f"{name} ended with {done.returncode}: {' '.join(map(str, command))}\n{done.stdout}")
        return done

    def start(self, name: str, *command: str | Path, env: Mapping[str, str] | None = None) -> Program:
        """Start a program inside that runs until the namespace closes; its output goes to NAME.log."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(*command),
                env=self._environment(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        program = Program(name, process, log)
        self._ends.callback(program.stop)
        return program

    @contextmanager
    def running(self, name: str, *command: str | Path, env: Mapping[str, str] | None = None) -> Iterator[Program]:
        """Start a program that ends with the block."""
        program = self.start(name, *command, env=env)
        try:
            yield program
        finally:
            program.stop()

    def dig(self, server: str, name: str, rrtype: str, *options: str) -> str:
        """Ask a name server or resolver inside; gives dig's whole output."""
        return self.run(
            peers.need("dig"), f"@{server}", name, rrtype, "+tries=1", "+time=3", *options, check=False
        ).stdout

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        # No proxy, no certificate bundle and no configuration of the person who runs the tests gets in.
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "LANG": "C.UTF-8", **(more or {})}
