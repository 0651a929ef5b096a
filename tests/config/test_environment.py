"""Options from the environment: names, types, lists, secrets in files, and what is wrong with them."""

import pytest

from acmedns_py.config.environment import SECRETS, variable
from acmedns_py.config.settings import KNOWN


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("DNS__PORT", "5353", 5353),
        ("DNS__TCP_IDLE_SECONDS", " 2.5 ", 2.5),
        ("DNS__PROTOCOL", "udp4", "udp4"),
        ("DNS__LISTEN", "auto", ["auto"]),
        ("DNS__LISTEN", '["127.0.0.1", "[::1]:5353"]', ["127.0.0.1", "[::1]:5353"]),
        ("DNS__LISTEN", "[::1]:5353, 127.0.0.1,", ["[::1]:5353", "127.0.0.1"]),
        ("API__HSTS_MAX_AGE", "0", 0),
        ("API__REGISTRATION", "off", "off"),
        ("API__CORS_ORIGINS", "[]", []),
        ("ZONE__RECORDS", '["@ TXT \\"a, b\\""]', ['@ TXT "a, b"']),
        ("PROCESS__USER", "root", "root"),
    ],
)
def test_variable_sets_its_option(loaded, name, text, value):
    """Text becomes what the option holds; lists are JSON or have commas."""
    settings = loaded(environ={f"ACMEDNS_{name}": text}).settings
    section, _, key = name.lower().partition("__")
    assert getattr(getattr(settings, section), key) == value


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("no", False), ("FALSE", False)])
def test_booleans_have_several_words(loaded, text, value):
    """Whatever container tools write."""
    environ = {"ACMEDNS_API__USE_HEADER": text, "ACMEDNS_API__TRUSTED_PROXIES": "127.0.0.1"}
    assert loaded(environ=environ).settings.api.use_header is value


def test_every_option_has_a_variable(problems):
    """No option can be set in the file only: each one's variable is known."""
    names = [variable(f"{section}.{key}") for section, keys in KNOWN.items() for key in keys]
    found = problems(environ=dict.fromkeys(names, "\x01"))
    assert not [problem for problem in found.problems if "no such option" in problem.cure]
    assert "ACMEDNS_DNS__PORT" in {problem.option for problem in found.problems}


def test_environment_goes_before_the_file(loaded):
    """The order of power: environment, file, default."""
    text = '[zone]\nname = "file.example"\naddresses = ["198.51.100.1"]\n[dns]\nport = 1\nworkers = 3\n'
    settings = loaded(text, {"ACMEDNS_ZONE__NAME": "env.example", "ACMEDNS_DNS__PORT": "2"}).settings
    assert (settings.zone.name, settings.dns.port, settings.dns.workers) == ("env.example", 2, 3)


def test_environment_replaces_a_wrong_value_of_the_file(loaded):
    """Only what holds is checked."""
    text = '[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\n[dns]\nport = "x"\n'
    assert loaded(text, {"ACMEDNS_DNS__PORT": "2"}).settings.dns.port == 2


def test_problem_names_the_variable(problems):
    """The operator finds the place, also inside a list."""
    environ = {"ACMEDNS_DNS__PORT": "many", "ACMEDNS_DNS__LISTEN": "auto,eth0", "ACMEDNS_API__HSTS": "true"}
    assert [problem.option for problem in problems(environ=environ).problems] == [
        "ACMEDNS_DNS__LISTEN[1]",
        "ACMEDNS_DNS__PORT",
        "ACMEDNS_API__HSTS",
    ]


def test_unknown_variable_is_named_with_the_nearest(problems):
    """A misspelt variable must not be silently nothing; its value may be a secret."""
    environ = {"ACMEDNS_ZONE__NAEM": "geheim", "ACMEDNS_DATABASE__PASWORD": "geheim"}
    found = problems(environ=environ)
    assert [problem.cure for problem in found.problems] == [
        "no such option; did you mean ACMEDNS_DATABASE__PASSWORD?",
        "no such option; did you mean ACMEDNS_ZONE__NAME?",
    ]
    assert "geheim" not in str(found)


def test_one_underscore_is_a_warning(loaded):
    """The commonest slip is told without refusing."""
    assert loaded(environ={"ACMEDNS_ZONE_NAME": "x"}).warnings == (
        "ACMEDNS_ZONE_NAME is not read; did you mean ACMEDNS_ZONE__NAME?",
    )


def test_variables_of_others_are_left_alone(loaded):
    """Kubernetes sets these for a service that is called acmedns."""
    environ = {"ACMEDNS_PORT": "tcp://10.0.0.1:53", "ACMEDNS_SERVICE_HOST": "10.0.0.1", "OTHER__THING": "1"}
    assert loaded(environ=environ).warnings == ()


def test_empty_variable_counts_as_not_set(loaded):
    """Compose passes empty ones for what nobody filled in."""
    assert loaded(environ={"ACMEDNS_DNS__PORT": "", "ACMEDNS_DATABASE__PASSWORD_FILE": ""}).settings.dns.port == 53


def test_broken_json_list_is_one_problem(problems):
    """A missing bracket is not taken for a value with commas."""
    text = '[zone]\nname = "auth.example.org"\n'
    (problem,) = problems(text, {"ACMEDNS_ZONE__ADDRESSES": '["198.51.100.1"'}).problems
    assert problem.option == "ACMEDNS_ZONE__ADDRESSES"
    assert "JSON" in problem.cure


def test_broken_json_list_of_secrets_is_not_shown(problems):
    """Half of a secret is one too."""
    (problem,) = problems(environ={"ACMEDNS_DNS__COOKIE_SECRETS": '["00112233445566778899aabbccddeeff'}).problems
    assert problem.option == "ACMEDNS_DNS__COOKIE_SECRETS"
    assert "0011" not in str(problem)


def test_secrets_come_from_files(loaded, tmp_path):
    """`_FILE` names a file for the URL and for the password."""
    (tmp_path / "url").write_text("postgres://u@h/db\n")
    (tmp_path / "password").write_text("geheim\n")
    environ = {
        "ACMEDNS_DATABASE__URL_FILE": str(tmp_path / "url"),
        "ACMEDNS_DATABASE__PASSWORD_FILE": str(tmp_path / "password"),
    }
    assert loaded(environ=environ).settings.database.connection_url == "postgresql://u:geheim@h/db"


@pytest.mark.parametrize("option", SECRETS)
def test_secret_given_twice_is_refused_unseen(problems, tmp_path, option):
    """Nobody has to guess which of the two holds."""
    (tmp_path / "secret").write_text("geheim")
    name = variable(option)
    value = "sqlite:////geheim" if option.startswith("database") else "feed" * 8
    found = problems(environ={name: value, f"{name}_FILE": str(tmp_path / "secret")})
    assert [problem.option for problem in found.problems] == [f"{name}_FILE"]
    assert "geheim" not in str(found)
    assert "feed" not in str(found)


def test_cookie_secrets_come_from_a_file(loaded, tmp_path):
    """Several stand on its one line, with commas between them."""
    (tmp_path / "secrets").write_text("00ff" * 8 + ", " + "ab" * 16)
    environ = {"ACMEDNS_DNS__COOKIE_SECRETS_FILE": str(tmp_path / "secrets")}
    assert loaded(environ=environ).settings.dns.secrets == (b"\0\xff" * 8, b"\xab" * 16)


@pytest.mark.parametrize("secrets", ["geheim", "ab" * 15, "ab" * 17, "xy" * 16, ",".join(["ab" * 16] * 4)])
def test_wrong_cookie_secrets_are_refused_unseen(problems, secrets):
    """Their length and their number are bounded, and what was written is not repeated."""
    found = problems(environ={"ACMEDNS_DNS__COOKIE_SECRETS": secrets})
    assert [problem.option.partition("[")[0] for problem in found.problems] == ["ACMEDNS_DNS__COOKIE_SECRETS"]
    assert secrets not in str(found)


def test_missing_secret_file_is_named(problems, tmp_path):
    """The variable and the path are said."""
    (problem,) = problems(environ={"ACMEDNS_DATABASE__PASSWORD_FILE": str(tmp_path / "none")}).problems
    assert (problem.option, problem.value) == ("ACMEDNS_DATABASE__PASSWORD_FILE", str(tmp_path / "none"))


def test_wrong_url_of_a_file_is_not_shown(problems, tmp_path):
    """The content of a secret's file never is part of a problem."""
    (tmp_path / "url").write_text("geheim")
    found = problems(environ={"ACMEDNS_DATABASE__URL_FILE": str(tmp_path / "url")})
    assert [problem.option for problem in found.problems] == ["ACMEDNS_DATABASE__URL_FILE"]
    assert "geheim" not in str(found)
