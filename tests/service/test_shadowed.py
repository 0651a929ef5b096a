"""Static records beside accounts: which are told, and how many lines that takes."""

import structlog

from acmedns_py.service.shadowed import MOST_TOLD, warn_of_shadowed

APEX = b"\x04auth\x07example\x00"


def told(owners, accounts):
    """What is logged for these names below the apex."""
    with structlog.testing.capture_logs() as logged:
        warn_of_shadowed([owner + APEX for owner in owners], [account + APEX for account in accounts], APEX)
    return logged


def test_what_is_at_or_below_an_account_is_told_once():
    """The apex, its siblings, and names that only end alike are not."""
    logged = told([b"", b"\x03www", b"\x01a", b"\x04deep\x01a", b"\x02xa", b"\x01a\x03www"], [b"\x01a", b"\x01b"])
    assert [(one["account"], one["record"]) for one in logged] == [("a.auth.example.", "a.auth.example.")]


def test_lines_are_bounded():
    """However many there are; the rest is a number."""
    names = [bytes([3]) + f"{number:03}".encode() for number in range(MOST_TOLD + 5)]
    logged = told(names, names)
    assert len(logged) == MOST_TOLD + 1
    assert logged[-1]["more"] == 5
