"""`config.example.toml` names and explains every option with its default, and nothing else."""

import re
import tomllib
from pathlib import Path

import pytest

from acmedns_py.config.load import load
from acmedns_py.config.settings import SECTIONS

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")

REQUIRED = {"zone.name", "zone.addresses"}


def options() -> dict[str, object]:
    """Give every option of the example, those that are switched off included."""
    document = tomllib.loads(re.sub(r"(?m)^#(?=[a-z_]+ = )", "", TEXT))
    return {f"{section}.{key}": value for section, keys in document.items() for key, value in keys.items()}


def defaults() -> dict[str, object]:
    """Give every option of the settings classes with its default."""
    return {
        f"{section}.{key}": field.default
        for section, model in SECTIONS.items()
        for key, field in model.model_fields.items()
    }


def test_example_has_the_options_of_the_settings():
    """Both directions: none is missing, none is made up; sections and keys in the same order."""
    assert list(options()) == list(defaults())


@pytest.mark.parametrize("option", sorted(set(defaults()) - REQUIRED))
def test_default_in_the_example_is_that_of_the_settings(option):
    """An option without a default says so."""
    if defaults()[option] is None:
        assert "No default" in explanation(option)
    else:
        assert (options()[option], type(options()[option])) == (defaults()[option], type(defaults()[option]))


@pytest.mark.parametrize("option", sorted(defaults()))
def test_option_is_explained(option):
    """A sentence stands above each option."""
    assert explanation(option).rstrip().endswith((".", "]"))


def test_example_is_a_good_file():
    """It can be copied and started from."""
    loaded = load(EXAMPLE, {})
    assert loaded.warnings == ()


def test_only_the_required_options_are_switched_on():
    """All others are defaults that need no line."""
    document = tomllib.loads(TEXT)
    assert {f"{section}.{key}" for section, keys in document.items() for key in keys} == REQUIRED


def explanation(option: str) -> str:
    """Give the comment above an option of the example."""
    section, _, key = option.partition(".")
    body = TEXT.split(f"[{section}]\n", 1)[1]
    above: list[str] = []
    for line in body.splitlines():
        if re.match(rf"#?{key} = ", line):
            return "\n".join(above)
        above = [*above, line] if line.startswith("# ") else []
    raise AssertionError(f"{option} is not in the example")
