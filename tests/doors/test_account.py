"""`acmedns account ...` against a running server on each engine: what DNS, the API and the command line say afterwards.

Commands run in this process, but for one of each kind that starts one.
"""

import json
import re

import pytest

from tests.ask import ask, from_every_worker, rcode, values
from tests.command import command
from tests.server import value

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def told(server, *arguments, typed=""):
    """What a command prints that goes well."""
    done = command(server, "account", *arguments, typed=typed)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    return done.stdout


def as_json(server, *arguments):
    """The document that a command prints."""
    return json.loads(told(server, *arguments, "--json"))


def refusal(server, *arguments, code=1):
    """The one line with which a command fails."""
    done = command(server, "account", *arguments)
    assert (done.returncode, done.stdout) == (code, ""), done
    assert done.stderr.count("\n") == 1
    return done.stderr


def served(server, account):
    """The rcodes and values that every worker gives for an account's name."""
    answers = from_every_worker(server.dns, account["fulldomain"])
    return {rcode(answer) for answer in answers}, {frozenset(values(answer)) for answer in answers}


def test_a_new_account_is_served_and_works(server):
    """Its name is NODATA at once, its password sets a value, and both stand where they can be read."""
    made = as_json(server, "new", "--label", "mail, both names", "--allow-from", "127.0.0.0/8", "--allow-from", "::/0")
    assert re.fullmatch(UUID, made["username"])
    assert re.fullmatch(UUID, made["subdomain"])
    assert made["allowfrom"] == ["127.0.0.0/8", "::/0"]
    assert served(server, made) == ({"NOERROR"}, {frozenset()})
    assert server.update(made, value(1)).status == 200
    shown = as_json(server, "show", made["username"])
    assert shown["label"] == "mail, both names"
    assert [one["txt"] for one in shown["values"]] == [value(1)]
    assert shown["values"][0]["age_seconds"] < 60
    assert shown["last_update_from"] == "127.0.0.1"
    assert shown["last_update"] >= shown["created"]
    assert made["password"] not in told(server, "show", made["username"])


def test_commands_are_a_program(server):
    """Started as an operator starts it; what can't be done is one line and exit code 1, a slip of the pen is 2."""
    made = json.loads(server.acmedns("account", "new", "--json").stdout)
    assert json.loads(server.acmedns("account", "show", made["fulldomain"], "--json").stdout)["values"] == []
    refused = server.acmedns("account", "show", "nobody")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert server.acmedns("account", "shw").returncode == 2


def test_two_accounts_of_one_name_are_told_apart_by_the_complete_name(server):
    """A label may look like another's username: each command takes the one or the other, and never the wrong one."""
    named = as_json(server, "new")
    labelled = as_json(server, "new", "--subdomain", named["username"])
    assert "write the complete name in DNS" in refusal(server, "show", named["username"])
    assert "write the complete name in DNS" in refusal(server, "delete", named["username"], "--yes")
    assert as_json(server, "show", labelled["fulldomain"])["username"] == labelled["username"]
    rotated = as_json(server, "rotate", named["fulldomain"])
    assert rotated["username"] == named["username"]
    told(server, "delete", named["fulldomain"], "--yes")
    assert served(server, named)[0] == {"NXDOMAIN"}
    assert served(server, labelled)[0] == {"NOERROR"}
    told(server, "delete", labelled["fulldomain"], "--yes")


@pytest.mark.parametrize("name", ["{username}", "{subdomain}", "{fulldomain}", "{fulldomain}."])
def test_an_account_is_found_by_any_of_its_names(server, name):
    """In any case of letters."""
    made = as_json(server, "new")
    assert as_json(server, "show", name.format(**made).upper())["username"] == made["username"]


def test_a_subdomain_can_be_chosen_in_any_case(server):
    """It becomes one owner name in lower case, and is nobody else's from then on (dns-correctness #84)."""
    made = as_json(server, "new", "--subdomain", "Web-01-A")
    assert made["subdomain"] == "web-01-a"
    assert server.update(made, value(1)).status == 200
    assert values(ask(server.dns, f"WEB-01-a.{server.zone}")) == {value(1)}
    assert "'web-01-a' is taken" in refusal(server, "new", "--subdomain", "web-01-a")


@pytest.mark.parametrize("subdomain", ["_acme-challenge", "a.b", "", "-a", "a-", "ü", "*", "x" * 64, "a b"])
def test_what_is_no_label_is_refused(server, subdomain):
    """No tenant gets `_acme-challenge`, a wildcard, or a name deeper down (dns-correctness #81, #84)."""
    assert "write up to 63 letters, digits and inner hyphens" in refusal(server, "new", "--subdomain", subdomain)


def test_a_name_of_the_zone_is_not_handed_out(server):
    """Static names stay the zone's own (dns-correctness #81)."""
    assert "'www' is taken" in refusal(server, "new", "--subdomain", "www")


def test_disabling_takes_values_and_password_away_and_the_name_stays(server):
    """NODATA, not NXDOMAIN: the name is still its account's (dns-correctness #82)."""
    made = as_json(server, "new")
    assert server.update(made, value(1)).status == 200
    assert as_json(server, "disable", made["subdomain"])["disabled"] is True
    assert served(server, made) == ({"NOERROR"}, {frozenset()})
    refused = server.update(made, value(2))
    assert (refused.status, refused.json) == (401, {"error": "forbidden"})
    server.wait_for_log("account_disabled", "request_refused", made["username"])
    assert "the account is disabled" in refusal(server, "values", made["subdomain"], "--set", value(3))
    assert as_json(server, "enable", made["subdomain"])["values"] == []
    assert server.update(made, value(2)).status == 200
    assert served(server, made) == ({"NOERROR"}, {frozenset([value(2)])})


def test_deleting_takes_the_name_out_of_dns_for_ever(server):
    """NXDOMAIN from every worker at once; the label is never handed out again (dns-correctness #82)."""
    made = as_json(server, "new", "--subdomain", "gone")
    assert server.update(made, value(1)).status == 200
    assert json.loads(told(server, "delete", "gone", "--yes", "--json"))["fulldomain"] == f"gone.{server.zone}"
    assert served(server, made) == ({"NXDOMAIN"}, {frozenset()})
    assert server.update(made, value(2)).status == 401
    assert "there is no account 'gone'" in refusal(server, "show", "gone")
    assert "a deleted account" in refusal(server, "new", "--subdomain", "Gone")


def test_deleting_asks_first(server):
    """What is not confirmed is not done."""
    made = as_json(server, "new")
    asked = command(server, "account", "delete", made["subdomain"], typed="n\n")
    assert asked.returncode == 1
    assert f"Delete {made['fulldomain']} for ever?" in asked.stderr
    assert served(server, made)[0] == {"NOERROR"}
    told(server, "delete", made["subdomain"], typed="y\n")
    assert served(server, made)[0] == {"NXDOMAIN"}


def test_rotation_replaces_the_password_and_keeps_the_name(server):
    """Without a grace the old one is refused at once, though it has just been used."""
    old = as_json(server, "new")
    assert server.update(old, value(1)).status == 200
    new = as_json(server, "rotate", old["subdomain"])
    same = new.keys() - {"password", "stored_for"}
    assert {key: old[key] for key in same} == {key: new[key] for key in same}
    assert new["password"] != old["password"]
    assert server.update(old, value(2)).status == 401
    assert server.update(new, value(3)).status == 200
    assert served(server, old) == ({"NOERROR"}, {frozenset([value(1), value(3)])})


def test_a_grace_lets_the_old_password_live_on(server):
    """For so long, and only the one before: a second rotation ends the first one's."""
    first = as_json(server, "new")
    second = as_json(server, "rotate", first["subdomain"], "--grace", "1h")
    assert as_json(server, "show", first["subdomain"])["former_password_until"] is not None
    for password in (first, second, first):
        assert server.update(password, value(1)).status == 200
    third = as_json(server, "rotate", first["subdomain"], "--grace", "1h")
    assert [server.update(one, value(1)).status for one in (first, second, third)] == [401, 200, 200]


def test_the_grace_ends(server):
    """By the clock of the database, for who is remembered and for who is not."""
    old = as_json(server, "new")
    as_json(server, "rotate", old["subdomain"], "--grace", "2s")
    while as_json(server, "show", old["subdomain"])["former_password_until"] is not None:
        server.update(old, value(1))
    assert server.update(old, value(2)).status == 401


def test_allow_from_holds_from_the_next_request_on(server):
    """Also for a password that is remembered."""
    made = as_json(server, "new")
    assert server.update(made, value(1)).status == 200
    assert as_json(server, "allow-from", made["subdomain"], "192.0.2.0/24", " [2001:db8::]/32 ")["allowfrom"] == [
        "192.0.2.0/24",
        "2001:db8::/32",
    ]
    assert server.update(made, value(2)).status == 401
    assert as_json(server, "allow-from", made["subdomain"], "--anywhere")["allowfrom"] == []
    assert server.update(made, value(2)).status == 200


def test_values_are_set_and_taken_away_by_the_operator(server):
    """Every worker serves what the command has acknowledged."""
    made = as_json(server, "new")
    for number in (1, 2, 3):
        told(server, "values", made["subdomain"], "--set", value(number))
        assert served(server, made)[1] == {frozenset(value(one) for one in range(1, number + 1))}
    told(server, "values", made["subdomain"], "--remove", value(2))
    assert [one["txt"] for one in as_json(server, "values", made["subdomain"])["values"]] == [value(1), value(3)]
    assert as_json(server, "clear", made["subdomain"])["values"] == []
    assert served(server, made) == ({"NOERROR"}, {frozenset()})
    assert as_json(server, "show", made["subdomain"])["last_update"] is None, "the account itself wrote nothing"


def test_a_label_is_what_people_call_it(server):
    """Text as it is; in the table no markup is made of it."""
    made = as_json(server, "new", "--label", "[red]old")
    as_json(server, "label", made["subdomain"], "[bold]web *front* \N{SNOWMAN}")
    row = next(line for line in told(server, "list", "--limit", "1000").splitlines() if made["subdomain"] in line)
    assert "[bold]web *front* \N{SNOWMAN}" in row
    assert as_json(server, "label", made["subdomain"], "")["label"] == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["show", "nobody"], "there is no account 'nobody'; acmedns account list shows all"),
        (["disable", "nobody"], "there is no account 'nobody'"),
        (["rotate", "nobody"], "there is no account 'nobody'"),
        (["label", "nobody", "x"], "there is no account 'nobody'"),
        (["clear", "a/../b"], "there is no account 'a/../b'"),
        (["show", "ü"], "there is no account 'ü'"),
        (["show", "x\ny"], "there is no account"),
        (["show", "www"], "there is no account 'www'"),
        (["new", "--allow-from", "192.0.2.1"], "'192.0.2.1' is no network; write one such as 192.0.2.0/24"),
        (["new", "--label", "a\tb"], r"label 'a\tb' can't be used; write up to 200 printable characters"),
        (["new", "--label", "x" * 201], "write up to 200 printable characters"),
        (["list", "--last-from", "here"], "'here' is no address; write one such as 192.0.2.1"),
        (["list", "--unused-since", "soon"], "--unused-since 'soon' is no time; write 2026-11-24"),
        (["rotate", "nobody", "--grace", "1"], "--grace '1' is no duration; write one such as 90s"),
        (
            ["rotate", "{name}", "--grace", "91d"],
            "a grace of 7862400 seconds is not possible; give 0 to 7776000 (90 days)",
        ),
        (["values", "{name}", "--set", "short"], "a value of 5 characters can't be used; write 43 of"),
        (["values", "{name}", "--set", "a", "--remove", "b"], "--set and --remove can't be done at once"),
        (["allow-from", "{name}"], "name the networks that may use the password, or --anywhere, and not both"),
        (["allow-from", "{name}", "::/0", "--anywhere"], "name the networks that may use the password"),
        (["allow-from", "{name}", "::1"], "'::1' is no network"),
    ],
)
def test_what_can_not_be_done_is_one_line(server, named, arguments, line):
    """What was wrong, where, and what to do."""
    assert line in refusal(server, *(one.format(name=named) for one in arguments))


@pytest.fixture(scope="module")
def named(server):
    """The subdomain of an account of the module's server."""
    return as_json(server, "new")["subdomain"]


def test_list_filters_and_limits(server):
    """Each filter alone leaves in what it names and out what it does not; JSON is one account a line."""

    def listed(*arguments):
        return [json.loads(line)["username"] for line in told(server, "list", "--json", *arguments).splitlines()]

    used, unused, off = (
        as_json(server, "new", "--label", f"Filter {n}")["username"] for n in ("used", "unused", "off")
    )
    password = as_json(server, "rotate", used)
    assert server.update(password, value(1)).status == 200
    as_json(server, "disable", off)
    mine = {used, unused, off}
    assert listed("--label", "fILTER ") == [used, unused, off]
    assert mine & set(listed("--never-updated")) == {unused, off}
    assert mine & set(listed("--disabled")) == {off}
    assert mine & set(listed("--enabled")) == {used, unused}
    assert mine & set(listed("--last-from", "127.0.0.1")) == {used}
    assert mine & set(listed("--last-from", "192.0.2.1")) == set()
    assert mine & set(listed("--unused-since", "1h")) == set()
    assert mine & set(listed("--unused-since", "2999-01-01")) == mine
    assert len(listed("--limit", "2")) == 2
    first = as_json(server, "show", used)["id"]
    assert listed("--after", str(first), "--limit", "2") == [unused, off]
    table = command(server, "account", "list", "--limit", "1")
    assert len(table.stdout.splitlines()) == 2
    assert "there may be more: --after" in table.stderr


def test_audit_tells_who_did_what_and_no_secret(server):
    """Every change and every registration, in the table and in the log; what was refused as well."""
    registered = server.register(allowfrom=["127.0.0.0/8"])
    made = as_json(server, "new", "--label", "audited")
    rotated = as_json(server, "rotate", made["subdomain"], "--grace", "1h")
    told(server, "values", made["subdomain"], "--set", value(77))
    told(server, "delete", made["subdomain"], "--yes")
    refusal(server, "new", "--subdomain", "www")
    done = server.acmedns("audit", "--json", "--since", "1h")
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    mine = {made["username"], registered["username"]}
    found = [one for one in entries if one["subject"] in mine]
    assert [(one["actor"], one["source"], one["action"], one["result"]) for one in found] == [
        ("anyone", "127.0.0.1", "account_registered", "done"),
        ("user:root", "local socket", "account_created", "done"),
        ("user:root", "local socket", "password_rotated", "done"),
        ("user:root", "local socket", "value_set", "done"),
        ("user:root", "local socket", "account_deleted", "done"),
    ]
    assert found[1]["details"] == {
        "subdomain": made["subdomain"],
        "label": "audited",
        "allowfrom": [],
        "txt_rule": "acme",
    }
    assert entries[-1]["result"].startswith("refused: the name 'www' is taken")
    assert [one["id"] for one in entries] == sorted(one["id"] for one in entries)
    log = server.log.read_text()
    server.wait_for_log('"event": "audit"', "account_deleted", made["username"])
    for secret in (made["password"], rotated["password"], registered["password"], value(77)):
        assert secret not in done.stdout
        assert secret not in log
    later = command(server, "audit", "--json", "--since", "2999-01-01")
    assert (later.returncode, later.stdout) == (0, "")
    table = server.acmedns("audit", "--limit", "3").stdout
    assert len(table.splitlines()) >= 4


def test_stats_count(server):
    """They move with what is done."""

    def counted():
        return json.loads(command(server, "stats", "--json").stdout)

    before = counted()
    made = as_json(server, "new")
    told(server, "values", made["subdomain"], "--set", value(1))
    other = as_json(server, "new")
    assert server.update(other, value(1)).status == 200
    told(server, "disable", made["subdomain"])
    gone = as_json(server, "new")
    told(server, "delete", gone["subdomain"], "--yes")
    after = counted()
    assert {key: after[key] - before[key] for key in after} == {
        "accounts": 2,
        "disabled": 1,
        "never_updated": 1,
        "updated_last_day": 1,
        "updated_last_90_days": 1,
        "live_values": 1,
        "retired_labels": 1,
        "audit_entries": 6,
    }
    assert "accounts:" in server.acmedns("stats").stdout


def test_a_restart_keeps_what_was_changed(make_server, database_url):
    """Disabled, deleted and rotated are durable, and so is that a label is never given again."""
    server = make_server(database_url=database_url).start()
    off, gone, rotated = (as_json(server, "new", "--subdomain", name) for name in ("off", "gone", "rotated"))
    for account in (off, gone, rotated):
        assert server.update(account, value(1)).status == 200
    told(server, "disable", "off")
    told(server, "delete", "gone", "--yes")
    new = as_json(server, "rotate", "rotated")
    server.kill()
    server.start()
    assert served(server, off) == ({"NOERROR"}, {frozenset()})
    assert served(server, gone) == ({"NXDOMAIN"}, {frozenset()})
    assert [server.update(one, value(2)).status for one in (off, gone, rotated, new)] == [401, 401, 401, 200]
    assert "is taken" in refusal(server, "new", "--subdomain", "gone")
