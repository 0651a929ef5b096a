"""Documents are true: their commands run, and what they name exists, in both directions where a list claims to be whole."""

import ast
import importlib
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from pydantic import BaseModel

from acmedns_py.api import openapi, openapi_admin
from acmedns_py.cli import app
from acmedns_py.config import acme_dns_file
from acmedns_py.config.environment import SECRETS, variable
from acmedns_py.config.files import SEARCHED
from acmedns_py.config.load import load
from acmedns_py.config.settings import KNOWN
from acmedns_py.dns.name import ROOT as ROOT_NAME
from acmedns_py.dns.presentation import parse_record
from acmedns_py.service.lifetime import TAKEN_OVER
from acmedns_py.setup.port import RESOLVED_CURE
from tests.doors.test_clients import CLIENTS
from tests.project.documents import IDS, PATHS, ROOT, anchors, blocks, code, links, prose, rows, section, text
from tests.tools import peers

VALUE = "___validation_token_received_from_the_ca___"
SOURCES = sorted((ROOT / "acmedns_py").rglob("*.py"))
OPTIONS = {f"{part}.{key}" for part, keys in KNOWN.items() for key in keys}
ACME_DNS = {
    f"{part}.{key}"
    for part, model in {
        "general": acme_dns_file.General,
        "database": acme_dns_file.Database,
        "api": acme_dns_file.Api,
        "logconfig": acme_dns_file.LogConfig,
    }.items()
    for key in model.model_fields
}

every_document = pytest.mark.parametrize("path", PATHS, ids=IDS)


def played(script: str, server, folder: Path) -> str:
    """Run commands that are written for `make run` against a server of the tests; gives what they print."""
    for program in ("curl", "dig"):
        peers.need(program)
    (folder / "var").mkdir()
    script = script.replace("127.0.0.1:8080", f"127.0.0.1:{server.api[1]}").replace("-p 8053", f"-p {server.dns[1]}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_walk_through_of_the_readme_ends_with_the_value(make_server, tmp_path):
    """Register, update and ask, letter for letter as a newcomer types it."""
    (walk,) = [block for block in blocks(text("README.md")) if block.mark == "walk-through"]
    printed = played(walk.text, make_server().start(), tmp_path)
    assert printed.splitlines()[-1] == f'"{VALUE}"'
    assert f'{{"txt":"{VALUE}"}}' in printed


def test_make_run_prints_the_walk_through_of_the_readme():
    """One set of commands, in two places."""
    (walk,) = [block for block in blocks(text("README.md")) if block.mark == "walk-through"]
    printed = subprocess.run([ROOT / "deploy/local/hints"], capture_output=True, text=True, check=True).stdout
    commands = [line.strip() for line in printed.splitlines() if line.startswith("  ")]
    assert [line.strip() for line in walk.text.splitlines() if line] == commands


@every_document
def test_links_lead_somewhere(path):
    """Files and headings exist; links to the world are not followed."""
    document = path.read_text(encoding="utf-8")
    for link in links(document):
        target, _, anchor = link.partition("#")
        if ":" in target:
            continue
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), link
        if anchor:
            assert anchor in anchors(found.read_text(encoding="utf-8")), link


def test_every_document_is_reached_from_the_readme():
    """Whoever starts there finds all of them."""
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(text("README.md"))}
    assert set(PATHS) - {ROOT / "README.md"} <= linked


@every_document
def test_options_that_are_named_exist(path):
    """`section.key` in backticks is an option of ours, or of acme-dns where the document is about it."""
    known = OPTIONS | (ACME_DNS if path.name.startswith("migrating") else set())
    sections = {option.partition(".")[0] for option in known}
    named = re.findall(
        r"(?<![\w.:/-])([a-z]+\.[a-z_]+)\b(?![./(:\w])", " ".join(code(path.read_text(encoding="utf-8")))
    )
    assert [option for option in named if option.partition(".")[0] in sections and option not in known] == []


@every_document
def test_variables_that_are_named_exist(path):
    """ACMEDNS_SECTION__KEY, with _FILE for secrets."""
    known = {variable(option) for option in OPTIONS} | {f"{variable(option)}_FILE" for option in SECRETS}
    named = set(re.findall(r"\bACMEDNS_[A-Z0-9]+__[A-Z0-9_]+", path.read_text(encoding="utf-8")))
    assert named <= known


@every_document
def test_configuration_that_is_shown_is_accepted(path, tmp_path):
    """Each block of TOML is a configuration, or part of one."""
    for number, block in enumerate(
        block for block in blocks(path.read_text(encoding="utf-8")) if block.language == "toml"
    ):
        file = tmp_path / f"{number}.toml"
        zone = (
            ""
            if "zone" in tomllib.loads(block.text)
            else '[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\n'
        )
        # A user of the operator's machine need not exist on ours.
        file.write_text(zone + re.sub(r'(?m)^(user|group) = "acmedns"$', r'\1 = "root"', block.text), encoding="utf-8")
        assert load(file, {}).warnings == (), block.text


@every_document
def test_records_that_are_shown_can_be_read(path):
    """Each line of a block of zone data, by the reader that the configuration uses."""
    for block in blocks(path.read_text(encoding="utf-8")):
        for line in block.text.splitlines() if block.language == "zone" else ():
            assert parse_record(line, origin=ROOT_NAME, default_ttl=0).owner != ROOT_NAME


def test_json_that_is_shown_is_what_the_server_says(make_server):
    """The answers of /register, /account and /health/ready have these keys, all levels counted."""
    server = make_server().start()
    (readiness,) = [json.loads(block.text) for block in blocks(text("docs/operations.md")) if block.language == "json"]
    assert shape(readiness) == shape(server.request("GET", "/health/ready").json)
    shown = [json.loads(block.text) for block in blocks(text("docs/api.md")) if block.language == "json"]
    account = server.register(**shown[0])
    assert shape(shown[1]) == shape(account)
    assert shown[1]["allowfrom"] == account["allowfrom"]
    account = server.register(allowfrom=["127.0.0.0/8", "::/0"])
    reply = server.update(account, shown[2]["txt"])
    assert (shown[2].keys(), reply.json) == ({"subdomain", "txt"}, shown[3])
    credential = {"X-Api-User": account["username"], "X-Api-Key": account["password"]}
    assert shape(shown[4]) == shape(server.request("GET", "/account", headers=credential).json)


def shape(value: object) -> object:
    """Give a JSON value with types in the place of texts, numbers and truths."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value)


def test_every_key_of_acme_dns_is_in_the_table_of_the_migration():
    """A key that is missing there would be a surprise."""
    table = section(text("docs/migrating-from-acme-dns.md"), "The configuration file")
    named = {option for row in rows(table) for option in code(row[0])}
    assert named == ACME_DNS


def test_the_way_to_take_port_53_is_the_one_that_setup_prints():
    """One set of commands, in two places."""
    (cure,) = [block for block in blocks(text("docs/operations.md")) if block.mark == "resolved"]
    assert tuple(cure.text.splitlines()) == RESOLVED_CURE


def test_targets_of_make_are_those_of_contributing():
    """Both directions."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.MULTILINE))
    listed = {
        words.split()[1] for row in rows(text("CONTRIBUTING.md")) for words in code(row[0]) if words.startswith("make ")
    }
    assert listed == targets


@every_document
def test_targets_of_make_that_are_named_exist(path):
    """In prose and in blocks of commands."""
    document = path.read_text(encoding="utf-8")
    commands = [*code(document), *(line for block in blocks(document) for line in block.text.splitlines())]
    named = {found[1] for command in commands if (found := re.match(r"make ([a-z-]+)", command))}
    assert named <= set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.MULTILINE))


def commands_of_the_program() -> set[str]:
    """Give every command, as in "db check"."""
    found = set()
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", {})
        found |= {f"{name} {other}" for other in inner} or {name}
    return found


def test_commands_are_those_of_operations():
    """Both directions."""
    listed = {
        words for row in rows(text("docs/operations.md")) for words in code(row[0]) if words.startswith("acmedns ")
    }
    assert listed == {f"acmedns {command}" for command in commands_of_the_program()} | {"acmedns --version"}


@every_document
def test_commands_that_are_named_exist(path):
    """Wherever `acmedns WORD` stands."""
    known = {word for command in commands_of_the_program() for word in (command, command.split()[0])}
    for words in code(path.read_text(encoding="utf-8")):
        found = re.match(r"(?:\S*/)?acmedns ([a-z][a-z-]*(?: (?:check|upgrade)\b)?)", words)
        assert found is None or found[1] in known, words


def test_search_order_is_that_of_the_program():
    """In operations."""
    order = re.search(r"the first of these is read:(.*?)\.\n", text("docs/operations.md"), re.DOTALL)
    assert [str(path).removeprefix("./") for path in SEARCHED] == [
        path.removeprefix("./") for path in re.findall(r"`([^`]+)`", order[1])
    ]


def test_what_sighup_takes_over_is_listed():
    """The options, and the two files of the certificate."""
    words = re.search(r"\*\*SIGHUP\*\*(.*?)\n\n", text("docs/operations.md"), re.DOTALL)[1]
    assert {word for word in code(words) if word in OPTIONS} == TAKEN_OVER | {"api.tls_certificate", "api.tls_key"}


def test_routes_methods_and_statuses_are_those_of_the_openapi_document():
    """The table of api.md, both directions; a test of the API holds the document against the server."""
    promised = {
        (method.upper(), route, tuple(sorted(operation["responses"])))
        for route, methods in openapi.document(registration_open=True, admin=False)["paths"].items()
        for method, operation in methods.items()
    }
    table = rows(text("docs/api.md").partition("\n## ")[0])
    assert {(method, route.strip("`"), tuple(statuses.split(", "))) for method, route, statuses in table} == promised


def test_operator_s_routes_are_those_of_the_openapi_document():
    """Methods, routes, the scope that each takes, statuses of success and conflict."""
    promised = {
        (
            method.upper(),
            route.replace("{name}", "NAME"),
            "read" if method == "get" else "write",
            tuple(sorted({"200", "201", "409"} & set(operation["responses"]))),
        )
        for route, methods in openapi_admin.paths().items()
        for method, operation in methods.items()
        if method != "parameters"
    }
    table = rows(section(text("docs/api.md"), "Operators: /admin/v1").partition("\n### ")[0])
    assert {
        (method, route.strip("`"), scope.strip("`"), tuple(statuses.split(", ")))
        for method, route, scope, _parameters, statuses in table
    } == promised


def calls() -> Iterator[ast.Call]:
    """Give every call that stands in the program."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield node


def test_words_of_the_operator_s_routes_are_those_of_the_program():
    """Each with its status, both directions."""
    sent = set()
    for call in calls():
        match call:
            case ast.Call(
                func=ast.Name(id="_failure" | "_explained"), args=[ast.Constant(status), ast.Constant(word), *_]
            ):
                sent.add((status, word))
            case ast.Call(func=ast.Name(id="_later"), args=[ast.Constant(str(word)), *_]):
                sent.add((503, word))
    table = rows(section(text("docs/api.md"), "Errors of the operator's routes"))
    assert {(int(row[0]), row[1].strip("`")) for row in table} == sent


def test_error_words_are_those_of_the_api():
    """Each with its status, both directions."""
    sent = set()
    for call in calls():
        match call:
            case ast.Call(
                func=ast.Name(id="error_answer" | "_explained" | "_later"),
                args=[ast.Constant(status), ast.Constant(word), *_],
            ):
                sent.add((status, word))
            case ast.Call(func=ast.Name(id="BadInput"), args=[ast.Constant(word), *_]):
                sent.add((400, word))
    assert {(int(row[0]), row[1].strip("`")) for row in rows(section(text("docs/api.md"), "Errors"))} == sent


def logged_events() -> set[str]:
    """Give the names of all events that the program logs."""
    found = set()
    for call in calls():
        match call.func:
            case ast.Attribute(value=ast.Name(id="log" | "_log")) | ast.Name(id="level"):
                found |= {
                    node.value
                    for argument in call.args[:1]
                    for node in ast.walk(argument)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                }
    return found


def test_log_events_are_those_of_the_program():
    """The table of operations, both directions."""
    table = rows(section(text("docs/operations.md"), "Log"))
    assert sorted(event for row in table for event in code(row[0])) == sorted(logged_events())


def test_limits_are_those_of_the_program():
    """Each number stands in the constant or the option that is named beside it."""
    table = rows(section(text("docs/operations.md"), "Limits"))
    assert len(table) > 20
    for what, number, constant in table:
        module, *names = re.split(r"\.(?=[A-Z])|\.(?=[a-z_]+$)", constant.strip("`"))
        if not names[-1].isupper():
            module, owner, field = constant.strip("`").rsplit(".", 2)
            model: type[BaseModel] = getattr(importlib.import_module(f"acmedns_py.{module}"), owner)
            found = model.model_fields[field].default
        else:
            found = getattr(importlib.import_module(f"acmedns_py.{module}"), names[-1])
        assert found == float(number), what


@every_document
def test_tests_and_modules_that_are_named_exist(path):
    """`tests/x.py::test_y`, and paths of files and folders."""
    tops = {entry.name for entry in ROOT.iterdir() if entry.is_dir()} | {"acmedns_py"}
    packages = {entry.name for entry in (ROOT / "acmedns_py").iterdir() if entry.is_dir()}
    for words in code(path.read_text(encoding="utf-8")):
        if not re.fullmatch(r"[a-z_]+/[\w./-]*(::\w+)?", words):
            continue
        file, _, test = words.partition("::")
        top = file.split("/")[0]
        if top not in tops | packages:
            continue
        found = ROOT / file if top in tops else ROOT / "acmedns_py" / file
        assert found.exists() or (ROOT / "acmedns_py" / file).exists(), words
        if test:
            assert f"def {test}(" in found.read_text(encoding="utf-8"), words


def test_clients_whose_requests_are_replayed_are_rows_of_that_test():
    """README claims no client that nothing tests."""
    named = re.search(r"<!-- replayed -->\n(.*?)\n\n", text("README.md"), re.DOTALL)[1].replace("\n", " ").rstrip(".")
    tested = {name for client in CLIENTS for name in client.name.split(", ")}
    assert [name for name in named.split(", ") if name not in tested] == []


def test_versions_of_clients_are_those_that_the_tests_install():
    """The second column of the table of clients, against the locks."""
    locks = " ".join(path.read_text(encoding="utf-8") for path in peers.GO_SOURCES.glob("*/go.mod"))
    locks += (ROOT / "tests/tools/clients.in").read_text(encoding="utf-8")
    table = rows(section(text("README.md"), "Clients known to work"))
    assert len(table) > 5
    for client, versions, _how in table:
        for version in versions.split(", "):
            assert re.search(rf"[ v=]{re.escape(version)}$", locks, re.MULTILINE) or f" v{version} " in locks, client


def test_changelog_begins_with_what_is_unreleased():
    """The form of Keep a Changelog."""
    headings = re.findall(r"^## (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    kinds = set(re.findall(r"^### (.+)$", text("CHANGELOG.md"), re.MULTILINE))
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@every_document
def test_lines_fit_a_page(path):
    """Tables and addresses apart, 120 columns as in the code."""
    document = prose(path.read_text(encoding="utf-8"))
    assert [line for line in document.splitlines() if len(line) > 120 and not line.startswith("|")] == []
