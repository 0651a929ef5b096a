"""Some thousand generated queries to NSD, Knot and ourselves: whatever differs is accepted by a rule with its reason."""

from collections import Counter

import pytest

from tests.conformance.oracle import Facts, answers, facts
from tests.conformance.oracle_queries import SEED, Asked, queries
from tests.conformance.oracle_rules import RULES, Rule
from tests.conformance.references import NAMES
from tests.conformance.repeat import command
from tests.conformance.subject import Subject

MOST_SHOWN = 40


def test_every_difference_has_a_rule_and_every_rule_a_difference(all_three: list[Subject]) -> None:
    """In rcode, flags, sections and OPT all three answer alike, or a rule says who does not and why."""
    asked = queries()
    found = answers(all_three, asked)
    used: Counter[str] = Counter()
    differing = 0
    unexplained = []
    for number, one in enumerate(asked):
        compared = {name: facts(octets[number]) for name, octets in found.items()}
        open_facts, rules = judged(one, compared)
        used.update(rules)
        differing += bool(open_facts or rules)
        if open_facts:
            unexplained.append(shown(one, number, compared, open_facts, all_three[0]))
    print(f"\nseed {SEED}: {len(asked)} queries to {', '.join(NAMES)}; {differing} with a difference")
    for rule in RULES:
        print(f"{used[rule.name]:6} {'/'.join(sorted(rule.servers))}: {rule.name}. {rule.reason}")
    if unexplained:
        pytest.fail(
            "\n".join([f"{len(unexplained)} queries differ without a rule", *unexplained[:MOST_SHOWN]]), pytrace=False
        )
    assert [rule.name for rule in RULES if not used[rule.name]] == []


def judged(asked: Asked, compared: dict[str, Facts]) -> tuple[list[str], set[str]]:
    """Give the facts in which servers without an excuse differ, and the names of the rules that excused the others."""
    open_facts, used = [], set()
    for fact in sorted({fact for each in compared.values() for fact in each}):
        values = {name: each.get(fact) for name, each in compared.items()}
        if len(set(values.values())) == 1:
            continue
        excuses = {
            name: [rule for rule in RULES if applies(rule, name, fact, asked, each)] for name, each in compared.items()
        }
        strict = {values[name] for name in compared if not excuses[name]}
        if len(strict) > 1:
            open_facts.append(fact)
        used |= {rule.name for name, rules in excuses.items() if {values[name]} != strict for rule in rules}
    return open_facts, used


def applies(rule: Rule, name: str, fact: str, asked: Asked, said: Facts) -> bool:
    """Whether the rule is about this server, this fact, this query and this answer."""
    return name in rule.servers and fact in rule.facts and rule.asked(asked) and rule.says(said)


def shown(asked: Asked, number: int, compared: dict[str, Facts], open_facts: list[str], subject: Subject) -> str:
    """A difference for people, with the line that repeats the query."""
    told = [
        f"  {fact}: " + "; ".join(f"{name} {each.get(fact)!r}" for name, each in compared.items())
        for fact in open_facts
    ]
    repeat = command(asked.octets(number), subject.host, subject.port, asked.transport)
    return "\n".join([str(asked), *told, f"  {repeat}"])
