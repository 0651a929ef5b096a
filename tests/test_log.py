"""Log set-up: forms, places, levels at run time, and the last defence against secrets."""

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from acmedns_py import log
from acmedns_py.errors import ConfigError


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was found."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    for handler in root.handlers:
        if handler not in handlers:
            with contextlib.suppress(OSError):
                handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    structlog.reset_defaults()


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_has_event_facts_level_and_utc_time(capsys):
    """One object a line."""
    log.configure("info", "json", "stdout")
    structlog.get_logger("acmedns").info("account_registered", label="x")
    (entry,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert entry["timestamp"].endswith("Z")
    del entry["timestamp"]
    assert entry == {"event": "account_registered", "label": "x", "level": "info", "logger": "acmedns"}


def test_library_events_have_the_same_form(tmp_path):
    """The standard library's loggers end in the same place, tracebacks in one line."""
    log.configure("info", "json", "file", tmp_path / "log")
    try:
        _ = {}["inside"]
    except KeyError:
        logging.getLogger("library").exception("failed %s", "so")
    (entry,) = lines(tmp_path / "log")
    assert (entry["event"], entry["level"], entry["logger"]) == ("failed so", "error", "library")
    assert "KeyError: 'inside'" in str(entry["exception"])


def test_level_changes_at_run_time(tmp_path):
    """Loggers that were made before follow too."""
    log.configure("warning", "json", "file", tmp_path / "log")
    logger = structlog.get_logger("acmedns").bind(a=1)
    logger.info("one")
    log.set_level("debug")
    logger.debug("two")
    log.configure("error", "json", "file", tmp_path / "log")
    logger.warning("three")
    assert [entry["event"] for entry in lines(tmp_path / "log")] == ["two"]


@pytest.mark.parametrize("library", log.LIBRARIES)
def test_libraries_stay_at_warnings_at_every_level(tmp_path, library):
    """Below that they tell rows and parameters: at the start, at a reload, for a logger that was asked before."""
    theirs = logging.getLogger(f"{library}.part")
    log.configure("debug", "json", "file", tmp_path / "log")
    theirs.debug("one")
    log.set_level("info")
    theirs.info("two")
    log.set_level("debug")
    theirs.info("three")
    theirs.warning("four")
    log.set_level("error")
    theirs.warning("five")
    assert [entry["event"] for entry in lines(tmp_path / "log")] == ["four"]


def test_place_changes_at_run_time(tmp_path):
    """A second set-up replaces the first: no event is written twice."""
    log.configure("info", "json", "file", tmp_path / "one")
    logger = structlog.get_logger("acmedns")
    logger.info("one")
    log.configure("info", "json", "file", tmp_path / "two")
    logger.info("two")
    assert [entry["event"] for entry in lines(tmp_path / "one")] == ["one"]
    assert [entry["event"] for entry in lines(tmp_path / "two")] == ["two"]


def test_file_is_appended_to_and_begun_again_when_moved(tmp_path):
    """As logrotate does it, without a signal."""
    path = tmp_path / "log"
    path.write_text('{"event": "earlier"}\n')
    log.configure("info", "json", "file", path)
    logger = structlog.get_logger("acmedns")
    logger.info("one")
    path.rename(tmp_path / "log.1")
    logger.info("two")
    assert [entry["event"] for entry in lines(tmp_path / "log.1")] == ["earlier", "one"]
    assert [entry["event"] for entry in lines(path)] == ["two"]


def test_file_that_cannot_be_opened_changes_nothing(tmp_path):
    """The option is named, and the place before stays."""
    log.configure("info", "json", "file", tmp_path / "log")
    with pytest.raises(ConfigError, match=r"log\.file"):
        log.configure("error", "json", "file", tmp_path / "none" / "log")
    structlog.get_logger("acmedns").info("still")
    assert [entry["event"] for entry in lines(tmp_path / "log")] == ["still"]


@pytest.mark.parametrize("key", ["password", "txt", "value", "Authorization", "X-Api-Key", "x_api_key"])
def test_secrets_are_masked_at_any_depth(tmp_path, key):
    """The last defence, in both forms."""
    for form in ("json", "console"):
        log.configure("info", form, "file", tmp_path / form)
        structlog.get_logger("acmedns").info("x", **{key: "geheim"}, deep=[{"headers": {key: "geheim"}}])
        text = (tmp_path / form).read_text()
        assert "geheim" not in text
        assert "***" in text


def test_console_form_keeps_one_event_on_one_line(tmp_path):
    """What a client sent can't begin a line or a colour."""
    log.configure("info", "console", "file", tmp_path / "log")
    structlog.get_logger("acmedns").info("login_failed", username="a\nb", agent="\x1b[31mb\udcff")
    logging.getLogger("library").warning("GET /\r\n\x1b[31m\udcff")
    text = (tmp_path / "log").read_text()
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text


@pytest.mark.parametrize("form", ["json", "console"])
def test_traceback_shows_no_local_variables(tmp_path, form):
    """Whatever a function held when it failed may be a password; odd octets of a message lose no event."""
    log.configure("info", form, "file", tmp_path / "log")

    def fail(given: str) -> None:
        raise ValueError("odd \udcff")

    try:
        fail("ge" + "heim")
    except ValueError:
        structlog.get_logger("acmedns").exception("failed")
    text = (tmp_path / "log").read_text()
    assert "ValueError" in text
    assert "geheim" not in text


def test_odd_text_is_no_reason_to_lose_an_event(tmp_path):
    """Lone surrogates and octets are escaped in JSON."""
    log.configure("info", "json", "file", tmp_path / "log")
    structlog.get_logger("acmedns").info("odd", name="\udcff", data=b"\xff", path=Path("x"))
    (entry,) = lines(tmp_path / "log")
    assert entry["path"] == "x"


def test_failing_place_does_not_stop_the_service(tmp_path, capsys):
    """A full disk costs events, nothing else."""
    log.configure("info", "json", "file", Path("/dev/full"))
    structlog.get_logger("acmedns").info("lost")
    log.configure("info", "json", "file", tmp_path / "log")
    structlog.get_logger("acmedns").info("kept")
    assert capsys.readouterr().err == ""
    assert [entry["event"] for entry in lines(tmp_path / "log")] == ["kept"]


def test_vanished_directory_does_not_stop_the_service(tmp_path, capsys):
    """Events are lost while the file can't be begun, and written again when it can."""
    folder = tmp_path / "folder"
    folder.mkdir()
    log.configure("info", "json", "file", folder / "log")
    logger = structlog.get_logger("acmedns")
    folder.rename(tmp_path / "away")
    logger.info("lost")
    folder.mkdir()
    logger.info("kept")
    assert [entry["event"] for entry in lines(folder / "log")] == ["kept"]
    assert capsys.readouterr().err == ""
