"""The targets, whose branches count as coverage in each, and where inputs are kept."""

import importlib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
DICTIONARIES = Path(__file__).parent / "dictionaries"
FOUND = ROOT / "var/fuzz"

TARGETS = ("gate", "presentation", "framing", "cookie", "feed")


def instrumented(target: str) -> list[str]:
    """Give the packages whose branches count as coverage."""
    # dnspython reads the lines of records for us, so that its branches are the ones to reach there.
    return ["acmedns_py", "dns"] if target == "presentation" else ["acmedns_py"]


def check_of(target: str) -> Callable[[bytes], None]:
    """Give the function that takes any octets and raises for what must not be."""
    check: Callable[[bytes], None] = importlib.import_module(f"tests.fuzz.{target}").check
    return check


def corpus(target: str) -> list[Path]:
    """Give the kept inputs of a target."""
    return sorted((CORPUS / target).iterdir())
