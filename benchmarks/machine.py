"""What was measured on: a figure without its machine says nothing."""

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def description() -> str:
    """Give processor, cores, kernel, Python, and the load before the start in a few lines."""
    try:
        loop = f"uvloop {version('uvloop')}"
    except PackageNotFoundError:
        loop = "asyncio's own loop"
    return (
        f"machine   {model()}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}\n"
        f"software  Python {platform.python_version()}, {loop}\n"
        f"load      {load()}"
    )


def model() -> str:
    """Give the processor's name."""
    return next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )


def load() -> str:
    """Say how busy the machine was lately, whoever made it so."""
    return f"{os.getloadavg()[0]:.2f} in the last minute"


def median(figures: Sequence[float]) -> float:
    """Give the middle figure, which one disturbed run does not move."""
    return statistics.median(figures)


def ratio(figures: Sequence[float], to: Sequence[float]) -> float:
    """Give the median of the ratios of neighbours: both of a round were disturbed by the same."""
    return median([one / other for one, other in zip(figures, to, strict=True)])


def cores() -> tuple[str, str]:
    """Give the core for the server and the one for whoever loads it, as `taskset -c` takes them."""
    available = sorted(os.sched_getaffinity(0))
    return str(available[0]), str(available[-1])
