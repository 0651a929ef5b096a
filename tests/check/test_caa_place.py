"""Where `acmedns records` puts the CAA records of a host, in a lab where some names are aliases and have records."""

import json
from dataclasses import dataclass

import pytest

from tests.check.lab import Account
from tests.check.test_hosts import OUR
from tests.lab.laboratory import ACMEDNS

ACCOUNTS = (Account("plain"),)
RECORDS = (
    "near.example.org. CNAME target.example.org.",
    "target.example.org. A 45.33.9.7",
    "far.example.org. CNAME www.elsewhere.org.",
    "x.far.example.org. CNAME www.elsewhere.org.",
    "taken.example.org. CNAME has.elsewhere.org.",
    'wild.example.org. CAA 0 issuewild "other.example"',
)
VALUE = "letsencrypt.org; validationmethods=dns-01"


@dataclass(frozen=True)
class Row:
    """The CAA records that are printed, and parts of the remarks, in order."""

    host: str
    records: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def _alias(host: str, target: str) -> str:
    return f"{host} is a CNAME of {target}, and beside a CNAME no other record may stand (RFC 2181 10.1)"


ROWS = [
    Row("www.example.org", (f'www.example.org. 3600 IN CAA 0 issue "{VALUE}"', 'www.example.org. 3600 IN CAA 0 issuewild ";"')),
    Row("*.www.example.org", (f'www.example.org. 3600 IN CAA 0 issue "{VALUE}"',)),
    Row(
        "near.example.org",
        (f'target.example.org. 3600 IN CAA 0 issue "{VALUE}"',),
        (f"{_alias('near.example.org', 'target.example.org')}; CAs take the CAA records of that name",),
    ),
    # What is above an alias is looked at as well.
    Row(
        "x.far.example.org",
        (f'example.org. 3600 IN CAA 0 issue "{VALUE}"',),
        (
            f"{_alias('x.far.example.org', 'www.elsewhere.org')}. That name, in another zone, has no CAA records",
            "At example.org they count for all names below that have none of their own.",
        ),
    ),
    Row(
        "taken.example.org",
        (f'example.org. 3600 IN CAA 0 issue "{VALUE}"',),
        ('That name has CAA records, which alone count, whatever stands above: 0 issue "other.example".', "At example.org"),
    ),
    Row(
        "*.wild.example.org",
        tuple(f'wild.example.org. 3600 IN CAA 0 {tag} "{VALUE}"' for tag in ("issue", "issuewild")),
        ('wild.example.org has CAA records, which stay in force beside others until you remove them: 0 issuewild "other',),
    ),
    Row("wild.example.org", (f'wild.example.org. 3600 IN CAA 0 issue "{VALUE}"',), ("wild.example.org has CAA records",)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.host)
def test_caa_records_are_put_where_they_can_stand(lab, row):
    """RFC 8659 3 and 4.3."""
    command = (ACMEDNS, "records", row.host, "--account", "plain", "--json", "-c", str(lab.config))
    printed = lab.namespace.run(*command, env={"ACMEDNS_CHECK__ROOT_HINTS": str(lab.hints)}).stdout
    document = json.loads(printed)
    bare = row.host.removeprefix("*.")
    assert [one["line"] for one in document["records"]] == [
        f"_acme-challenge.{bare}. 300 IN CNAME plain.{OUR}.",
        *row.records,
    ]
    assert len(document["remarks"]) == len(row.remarks)
    assert all(part in remark for part, remark in zip(row.remarks, document["remarks"], strict=True))
