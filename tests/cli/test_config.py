"""`acmedns config check`: exit codes and lines."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acmedns_py.cli.config import app

MINIMUM = '[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\n'


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Run the command on a file of this text, in an environment without our variables."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *arguments: str):
        path = tmp_path / "file.toml"
        path.write_text(text)
        return CliRunner().invoke(app, ["check", "-c", str(path), *arguments])

    return run


def test_good_file_is_one_line_with_zone_and_derived_records(check, tmp_path):
    """Exit code 0; the line names the file too."""
    result = check(MINIMUM)
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{tmp_path}/file.toml: ")
    assert "zone auth.example.org" in line
    assert "auth.example.org. 3600 A 198.51.100.1" in line
    assert result.stderr == ""


def test_every_problem_is_one_line_and_the_exit_code_1(check, tmp_path):
    """On standard error, each with the file in front."""
    result = check(MINIMUM + '[dns]\nport = "x"\n[api]\nuse_header = true\n"a\\nb" = 1\n')
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{tmp_path}/file.toml: ") for line in lines)


def test_warnings_are_printed_and_no_failure(check):
    """What is allowed does not fail the check."""
    result = check(MINIMUM + '[database]\npassword = "geheim"\n')
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: database.password")


def test_warnings_are_printed_beside_problems(check):
    """One run shows everything."""
    result = check(MINIMUM + '[database]\npassword = "geheim"\n[dns]\nport = 0\n')
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("text", ["[zone", "\ufeff"])
def test_file_that_is_no_toml_is_one_line(check, text):
    """No traceback."""
    result = check(text)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_file_with_an_odd_name_is_one_line(tmp_path):
    """Octets that are no UTF-8 and control characters are escaped."""
    result = CliRunner().invoke(app, ["check", "-c", str(tmp_path / "a\n\udcff")])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_wrong_usage_is_exit_code_2(check):
    """An unknown option is an error of usage."""
    assert check(MINIMUM, "--nonsense").exit_code == 2


def test_file_in_the_working_directory_is_found(check, tmp_path):
    """Without -c the search order holds."""
    check(MINIMUM)
    (tmp_path / "file.toml").rename(tmp_path / "config.toml")
    result = CliRunner().invoke(app, ["check"])
    assert result.stdout.startswith("config.toml: ")


def test_environment_is_read(check, monkeypatch):
    """The command sees what `serve` would see."""
    monkeypatch.setenv("ACMEDNS_ZONE__NAME", "env.example")
    assert "zone env.example" in check(MINIMUM).stdout


def test_sample_of_acme_dns_is_checked():
    """An operator tries the file that is in use."""
    path = Path(__file__).parents[1] / "data" / "acme_dns" / "v2.cfg"
    result = CliRunner().invoke(app, ["check", "-c", str(path)])
    assert result.exit_code == 0
    assert "127.0.0.1" in result.stderr


def test_json_says_what_the_lines_say(check, tmp_path):
    """One document on standard output, whose words and exit code are those of the lines."""
    good, warned = MINIMUM, MINIMUM + '[database]\npassword = "geheim"\n'
    for text, code in ((good, 0), (warned, 0), (warned + '[dns]\nport = 0\n[api]\n"a\\nb" = 1\n', 1), ("[zone", 1)):
        lines, result = check(text), check(text, "--json")
        assert (result.exit_code, result.stderr, result.stdout.count("\n")) == (code, "", 1)
        document = json.loads(result.stdout)
        # Of a file that is no TOML the problem is the file's own, and names it.
        assert (document["good"], document["file"]) == (not code, None if text == "[zone" else f"{tmp_path}/file.toml")
        before = f"{document['file']}: " if document["file"] else ""
        problems = [before + one["problem"] for one in document["problems"]]
        assert [f"warning: {one}" for one in document["warnings"]] + problems == lines.stderr.splitlines()
        assert all(one["problem"].startswith(one["option"]) for one in document["problems"])
        if not code:
            summary = f"zone {document['zone']}, derived records: {'; '.join(document['derived_records'])}\n"
            assert lines.stdout.endswith(summary)
        else:
            assert (document["zone"], document["derived_records"]) == (None, [])


def test_json_of_the_environment_alone_names_no_file(tmp_path, monkeypatch):
    """There is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACMEDNS_ZONE__NAME", "env.example")
    result = CliRunner().invoke(app, ["check", "--json"])
    assert (json.loads(result.stdout)["file"], result.exit_code) == (None, 1)


def test_an_unknown_finding_to_ignore_names_the_nearest(check, tmp_path):
    """One line each; a subject may be anything."""
    known = '[check]\nignore = ["ns-single", "host-no-alias:old.example.org"'
    assert check(f"{MINIMUM}{known}]").exit_code == 0
    result = check(f'{MINIMUM}{known}, "host-no-allias:old.example.org"]')
    assert result.exit_code == 1
    lines = [line.removeprefix(f"{tmp_path}/file.toml: ") for line in result.stderr.splitlines()]
    assert lines[-1] == (
        "check.ignore[2] = 'host-no-allias:old.example.org': there is no finding of that id; "
        "did you mean host-no-alias?"
    )
