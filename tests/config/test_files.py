"""The search order, and every way in which a file can't be read."""

from pathlib import Path

import pytest

from acmedns_py.config import files
from acmedns_py.errors import ConfigError


def refusal(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        files.find(path)
    return caught.value


def test_our_places_come_before_those_of_acme_dns():
    """The order in which files are looked for."""
    assert [str(path) for path in files.SEARCHED] == [
        "config.toml",
        "/etc/acmedns/config.toml",
        "/etc/acme-dns/config.cfg",
        "config.cfg",
    ]


def test_first_existing_file_is_taken(tmp_path):
    """Missing ones are passed over, also those below what is no directory."""
    (tmp_path / "one").write_text("a = 1")
    (tmp_path / "two").write_text("a = 2")
    searched = (tmp_path / "none", tmp_path / "one" / "below", tmp_path / "one", tmp_path / "two")
    found = files.find(None, searched)
    assert found is not None
    assert (found.path, found.document) == (tmp_path / "one", {"a": 1})


def test_no_file_is_none(tmp_path):
    """The environment may be enough."""
    assert files.find(None, (tmp_path / "none",)) is None


def test_first_file_that_is_wrong_stops_the_search(tmp_path):
    """A later file is no replacement for one that has an error."""
    (tmp_path / "one").write_text("a = ")
    (tmp_path / "two").write_text("a = 2")
    with pytest.raises(ConfigError, match="not TOML"):
        files.find(None, (tmp_path / "one", tmp_path / "two"))


@pytest.mark.parametrize(
    ("octets", "cure"),
    [
        (b'[zone]\nname = "x\n', "line 2"),
        (b"[zone]\n[zone]\n", "line 2"),
        (b"a = 1\r\nb\r\n", "line 2"),
        (b"# one\n# tw\xf6\n", "line 2 is not UTF-8"),
        (b"\xef\xbb\xbfa = 1\n", "byte order mark"),
        ("a = 1\n".encode("utf-16"), "not UTF-8"),
        (b"a = 1\0\n", "not TOML"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "not TOML"),
        (b"#" * (files.MOST_OCTETS + 1), "larger"),
    ],
)
def test_file_that_is_no_toml_is_one_line_with_its_place(tmp_path, octets, cure):
    """Syntax errors name the line; nothing ends in a traceback."""
    path = tmp_path / "config.toml"
    path.write_bytes(octets)
    problem = refusal(path)
    assert cure in problem.cure
    assert problem.value == str(path)
    assert "\n" not in str(problem)


def test_missing_file_is_named(tmp_path):
    """A file that -c names must exist."""
    assert "no such file" in refusal(tmp_path / "none.toml").cure


def test_directory_is_named(tmp_path):
    """A directory is no file."""
    assert "directory" in refusal(tmp_path).cure


def test_file_without_the_right_to_read_is_named(tmp_path, monkeypatch):
    """Mode and owner are said, as they are what has to change."""
    path = tmp_path / "config.toml"
    path.write_text("")
    path.chmod(0o240)

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Root reads every file, so the refusal itself is made here.
    monkeypatch.setattr(Path, "open", refuse)
    cure = refusal(path).cure
    assert "no right to read" in cure
    assert "mode 0240" in cure


def test_path_that_no_file_can_have_is_named():
    """A NUL in a path is an error of its own kind in Python."""
    assert "can't be read" in refusal(Path("a\0b")).cure


def test_secret_is_read_without_the_line_end(tmp_path):
    """Editors and `echo` add one."""
    path = tmp_path / "secret"
    path.write_bytes(b"geheim \r\n")
    assert files.read_secret(path) == "geheim "


@pytest.mark.parametrize("octets", [b"", b"\n", b"geheim\nzwei\n", b"geheim\0", b"geheim\xff"])
def test_secret_that_is_no_single_line_is_refused_unseen(tmp_path, octets):
    """The problem never holds the content."""
    path = tmp_path / "secret"
    path.write_bytes(octets)
    with pytest.raises(ConfigError) as caught:
        files.read_secret(path)
    assert "geheim" not in str(caught.value)


def test_lines_of_quoted_texts_are_found():
    """Lines count from 1; comments, longer texts and other ways of writing are not taken for it."""
    text = """# "b" is no text
x = [
  "a b", # b
  'b', "c\\"d\\\\",
  "b",
]
"""
    file = files.ConfigFile(Path("x"), text.replace('# "b"', "# b"), {})
    assert file.lines_of(["b", 'c"d\\', "e", "b"]) == [4, 4, None, 5]
