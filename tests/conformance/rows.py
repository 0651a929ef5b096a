"""The one way in which the exam's modules put their rows to the subject."""

import pytest

from acmedns_py.dns.responder import Transport
from tests.conformance.case import Case


def every(rows: list[Case]) -> pytest.MarkDecorator:
    """Parametrise a test by `case` and `transport`: each row over each transport that it is about."""
    return pytest.mark.parametrize(
        ("case", "transport"),
        [
            pytest.param(case, transport, id=f"{transport.value} {case.title}")
            for case in rows
            for transport in Transport
            if not (case.udp_only and transport is Transport.TCP) and not (case.tcp_only and transport is Transport.UDP)
        ],
    )
