"""What the server's processes hold: memory and descriptors."""

from dataclasses import dataclass

import psutil

MIB = 1024 * 1024


@dataclass(frozen=True)
class Measure:
    """One process at one moment; `descriptors` is None where we may not look."""

    name: str
    pid: int
    rss: int
    descriptors: int | None

    def __str__(self) -> str:
        """One line of a table."""
        return f"  {self.name:<10} pid {self.pid:<8} {self.rss / MIB:8.1f} MiB  {self.descriptors} descriptors"


def measure(control: int, workers: list[int]) -> list[Measure]:
    """Measure the control process and the workers, by place."""
    named = [("control", control), *((f"worker {place}", pid) for place, pid in enumerate(workers))]
    return [_measure(name, psutil.Process(pid)) for name, pid in named]


def _measure(name: str, process: psutil.Process) -> Measure:
    try:
        descriptors = process.num_fds()
    except psutil.AccessDenied:
        descriptors = None
    return Measure(name, process.pid, process.memory_info().rss, descriptors)


def grown(before: Measure, after: Measure, *, most_octets: int, most_descriptors: int) -> str | None:
    """What has grown beyond its bound, None where nothing has."""
    assert before.pid == after.pid, "measured while nobody kills"
    if after.rss - before.rss > most_octets:
        return f"{after.name} grew from {before.rss / MIB:.1f} to {after.rss / MIB:.1f} MiB"
    if (after.descriptors or 0) - (before.descriptors or 0) > most_descriptors:
        return f"{after.name} went from {before.descriptors} to {after.descriptors} descriptors"
    return None
