"""What was measured on: a figure without its machine says nothing."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def description() -> str:
    """Give processor, cores, kernel, Python, and the load before the start in a few lines."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    try:
        loop = f"uvloop {version('uvloop')}"
    except ImportError:
        loop = "asyncio's own loop"
    return (
        f"machine   {model}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}\n"
        f"software  Python {platform.python_version()}, {loop}\n"
        f"load      {os.getloadavg()[0]:.2f} in the last minute"
    )


def median(figures: list[float]) -> float:
    """Give the middle figure, which one disturbed run does not move."""
    ordered = sorted(figures)
    return ordered[len(ordered) // 2]


def cores() -> tuple[str, str]:
    """Give the core for the server and the one for whoever loads it, as `taskset -c` takes them."""
    available = sorted(os.sched_getaffinity(0))
    return str(available[0]), str(available[-1])
