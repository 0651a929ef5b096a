"""All rows of the exam, for the tests that put them to our core without a socket."""

from tests.conformance import (
    test_rfc1034,
    test_rfc1035,
    test_rfc2181,
    test_rfc2308,
    test_rfc3597,
    test_rfc4035,
    test_rfc4343,
    test_rfc4592,
    test_rfc6604,
    test_rfc6891,
    test_rfc7828,
    test_rfc7873,
    test_rfc8482,
    test_rfc8906,
    test_rfc9156,
    test_rfc9619,
    test_rfc9715,
)
from tests.conformance.case import Case

CASES: list[Case] = [
    case
    for module in (
        test_rfc1034,
        test_rfc1035,
        test_rfc2181,
        test_rfc2308,
        test_rfc3597,
        test_rfc4035,
        test_rfc4343,
        test_rfc4592,
        test_rfc6604,
        test_rfc6891,
        test_rfc7828,
        test_rfc7873,
        test_rfc8482,
        test_rfc8906,
        test_rfc9156,
        test_rfc9619,
        test_rfc9715,
    )
    for case in module.ROWS
]
