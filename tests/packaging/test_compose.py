"""The compose files: what they set exists, what they publish the image serves."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from acmedns_py.cli import app
from acmedns_py.config.environment import PREFIX, SECRETS, variable
from acmedns_py.config.load import load
from acmedns_py.config.settings import KNOWN

DOCKERFILE = Path(__file__).resolve().parents[2] / "Dockerfile"
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILES = ("docker-compose.yml", "docker-compose.postgres.yml")
OPTIONS = {variable(f"{section}.{key}") for section, keys in KNOWN.items() for key in keys}
OPTIONS |= {variable(option) + "_FILE" for option in SECRETS}


@pytest.fixture(params=FILES)
def text(request: pytest.FixtureRequest) -> str:
    """One of the files."""
    name: str = request.param
    return (DEPLOY / name).read_text()


@pytest.fixture
def acmedns(text: str) -> dict[str, Any]:
    """Our service in it."""
    service: dict[str, Any] = yaml.safe_load(text)["services"]["acmedns"]
    return service


def uncommented(text: str) -> str:
    """The file with every proposal in its comments taken up; prose stays comment."""
    proposals = (f"{PREFIX}", "- ")
    lines = []
    for line in text.splitlines():
        body = line.strip().removeprefix("# ")
        taken = line.strip().startswith("# ") and body.startswith(proposals)
        lines.append(line.replace("# ", "", 1) if taken else line)
    return "\n".join(lines)


def test_every_variable_is_an_option(text: str):
    """Those that are set and those that comments propose."""
    environment = yaml.safe_load(uncommented(text))["services"]["acmedns"]["environment"]
    assert set(environment) <= OPTIONS
    assert all(isinstance(setting, str) for setting in environment.values()), "YAML makes another value of on and off"


def test_the_proposals_of_the_comments_are_seen():
    """The look at the comments finds those for TLS and for a proxy."""
    proposed = yaml.safe_load(uncommented((DEPLOY / FILES[0]).read_text()))["services"]["acmedns"]
    assert {"ACMEDNS_API__TLS", "ACMEDNS_API__USE_HEADER"} < set(proposed["environment"])
    assert "443:8080/tcp" in proposed["ports"]


def test_the_environment_is_a_whole_configuration(acmedns: dict[str, Any], tmp_path: Path):
    """With the secret in its place, the variables load without a problem or a warning."""
    environment = dict(acmedns["environment"])
    if "ACMEDNS_DATABASE__PASSWORD_FILE" in environment:
        secret = tmp_path / "database_password"
        secret.write_text("0123456789abcdef\n")
        environment["ACMEDNS_DATABASE__PASSWORD_FILE"] = str(secret)
    config = tmp_path / "empty.toml"
    config.touch()
    loaded = load(config, environment)
    assert loaded.warnings == ()
    assert loaded.settings.zone.name == "auth.example.org"


def test_the_records_can_be_asked_for_inside(acmedns: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With what the file and the image say, and no file of ours, as the tutorial does."""
    monkeypatch.chdir(tmp_path)
    said = dict(re.findall(r'(ACMEDNS_\w+)="?([^"\s]+)"?', DOCKERFILE.read_text().rpartition("\nENV ")[2]))
    for name, setting in {**said, **acmedns["environment"]}.items():
        if "_FILE" not in name:
            monkeypatch.setenv(name, setting)
    done = CliRunner().invoke(app, ["records"], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "auth.example.org. 3600 IN NS auth.example.org.\n" in done.stdout
    assert "DNS listens on port 8053" in done.stdout


def test_a_proxy_on_the_hosts_side_is_trusted():
    """The network that the comment trusts is the one that the file makes."""
    compose = yaml.safe_load(uncommented((DEPLOY / FILES[0]).read_text()))
    trusted = compose["services"]["acmedns"]["environment"]["ACMEDNS_API__TRUSTED_PROXIES"]
    assert compose["networks"]["default"]["ipam"]["config"] == [{"subnet": trusted}]


def test_the_published_ports_are_the_images(acmedns: dict[str, Any]):
    """DNS over UDP and TCP to everybody, the API without TLS to this host alone."""
    assert acmedns["ports"] == ["53:8053/udp", "53:8053/tcp", "127.0.0.1:8080:8080/tcp"]


def test_the_database_gets_the_same_secret():
    """Both services read one file, and neither the URL nor the environment holds the password."""
    compose = yaml.safe_load((DEPLOY / FILES[1]).read_text())
    ours, database = compose["services"]["acmedns"], compose["services"]["database"]
    assert ours["secrets"] == database["secrets"] == list(compose["secrets"])
    path = f"/run/secrets/{ours['secrets'][0]}"
    assert ours["environment"]["ACMEDNS_DATABASE__PASSWORD_FILE"] == path
    assert database["environment"]["POSTGRES_PASSWORD_FILE"] == path
    assert ours["environment"]["ACMEDNS_DATABASE__URL"] == "postgresql://acmedns@database/acmedns"
    assert ours["depends_on"]["database"]["condition"] == "service_healthy"
    assert "pg_isready" in database["healthcheck"]["test"]


def test_the_context_is_the_repository(acmedns: dict[str, Any]):
    """The image is built from the folder that holds the Dockerfile."""
    assert (DEPLOY / acmedns["build"]["context"] / "Dockerfile").is_file()
