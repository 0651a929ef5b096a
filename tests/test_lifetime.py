"""When a certificate is due, and how late that is: one rule for the server, the check and the alerts (monitoring 2)."""

from pathlib import Path

import pytest
import yaml

from acmedns_py.lifetime import ENDING_SLACK, LATE_SLACK, Life, slack_used

DAY = 86_400
RULES = Path(__file__).parents[1] / "deploy/prometheus/rules.yml"

SLACK = (
    "(time() - acmedns_api_certificate_renewal_timestamp_seconds) / "
    "(acmedns_api_certificate_not_after_timestamp_seconds - acmedns_api_certificate_renewal_timestamp_seconds) > "
)


@pytest.mark.parametrize(
    ("days", "due", "late", "ending"),
    [(90, 30, 22.5, 7.5), (47, 15.67, 11.75, 3.92), (200, 30, 22.5, 7.5), (160 / 24, 80 / 24, 60 / 24, 20 / 24)],
)
def test_what_is_left_when_it_is_due_late_and_ending(days, due, late, ending):
    """In days; none is used when it is due, all at its end."""
    life = Life(0.0, days * DAY)
    left = {used: days * DAY - slack * DAY for used, slack in ((0, due), (LATE_SLACK, late), (ENDING_SLACK, ending))}
    for used, now in left.items():
        assert slack_used(life.due, life.not_after, now) == pytest.approx(used, abs=0.01)
    assert slack_used(life.due, life.not_after, life.not_after) == 1
    assert slack_used(life.due, life.not_after, 0.0) < 0


def test_a_certificate_without_any_time_for_a_renewal_is_past_it():
    """Nothing is divided by nothing."""
    assert slack_used(100.0, 100.0, 0.0) == 1


@pytest.mark.parametrize(
    ("alert", "slack"), [("AcmednsCertificateOverdue", LATE_SLACK), ("AcmednsCertificateExpiresSoon", ENDING_SLACK)]
)
def test_alerts_have_the_same_rule(alert, slack):
    """Prometheus says "overdue" and "expires soon" when the check does."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    (expression,) = (" ".join(rule["expr"].split()) for rule in rules if rule.get("alert") == alert)
    assert expression.partition(" unless ")[0] == f"{SLACK}{slack:g}"
