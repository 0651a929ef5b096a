"""Lists of networks that leave out where a host's client is: what the last update and the host's addresses say of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.check.internet import ZONE
from tests.check.lab import Lab
from tests.lab.layouts import CLIENT
from tests.tools import peers


@dataclass(frozen=True)
class Row:
    """A host with an account: its list, whether it was updated (from CLIENT), its addresses, and what is found."""

    host: str
    allow_from: tuple[str, ...]
    finding: str = ""
    updated: bool = False
    addresses: tuple[str, ...] = ()
    seen: str = ""

    @property
    def name(self) -> str:
        """Of the host, in the owner's zone."""
        return f"{self.host}.example.org"


HERE = f"{CLIENT}/32"
ELSEWHERE = "198.51.100.0/24"
PUBLIC = "45.33.9.7"

ROWS = [
    Row("open", (), updated=True, addresses=(PUBLIC,)),
    Row("inside", (ELSEWHERE, HERE), updated=True, addresses=(PUBLIC,)),
    Row("moved", (ELSEWHERE,), "host-allowfrom", updated=True, seen=f"came from {CLIENT}; allowfrom {ELSEWHERE}"),
    Row("mistyped", (ELSEWHERE,), "host-allowfrom-elsewhere", addresses=(PUBLIC,), seen=f"has {PUBLIC}; allowfrom"),
    # The other address may be the client's.
    Row("double", (ELSEWHERE, "45.33.0.0/16"), addresses=(PUBLIC, "45.34.9.7")),
    Row("six", (ELSEWHERE,), "host-allowfrom-elsewhere", addresses=("2600:3c00:9::7",)),
    # By which address it goes out is not to be seen.
    Row("private", (ELSEWHERE,), addresses=("10.0.0.1",)),
    Row("nameless", (ELSEWHERE,)),
]
RECORDS = [
    line
    for row in ROWS
    for line in (
        f"_acme-challenge.{row.name}. 60 CNAME {row.host}.{ZONE}.",
        *(f"{row.name}. {'AAAA' if ':' in one else 'A'} {one}" for one in row.addresses),
    )
]


@pytest.fixture(scope="module")
def checked(lab: Lab):
    """One check of all hosts; an update comes before the list, as it would be refused after it."""
    for row in ROWS:
        account = lab.ask("POST", "/admin/v1/accounts", {"subdomain": row.host, "label": row.name})
        if row.updated:
            update(lab, account)
        lab.ask("PATCH", f"/admin/v1/accounts/{row.host}", {"allowfrom": row.allow_from})
    return lab.check("--json", *(word for row in ROWS for word in ("--host", row.name)))


def update(lab: Lab, account: dict[str, str]) -> None:
    """Update by curl, from CLIENT."""
    headers = (f"X-Api-User: {account['username']}", f"X-Api-Key: {account['password']}")
    lab.namespace.run(
        *(peers.need("curl"), "--fail", "--silent", "--show-error", "--cacert", lab.trust.bundle),
        *("--interface", CLIENT, *(word for header in headers for word in ("--header", header))),
        *("--data", json.dumps({"subdomain": account["subdomain"], "txt": "x" * 43}), f"https://{ZONE}/update"),
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.host)
def test_a_list_is_told_of_where_it_leaves_out_all_that_is_known(checked, row):
    """And not where the client may be at an address that it has."""
    found = [one for one in checked.findings("hosts") if one["subject"] == row.name]
    assert [one["id"] for one in found] == ([row.finding] if row.finding else [])
    if found:
        assert row.seen in found[0]["seen"]
        assert f"acmedns account allow-from {row.host}.{ZONE} NETWORK" in found[0]["cure"]
