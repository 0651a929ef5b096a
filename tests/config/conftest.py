"""A configuration file of given text, and the two outcomes of loading one."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from acmedns_py.config.load import ConfigProblems, Loaded, load

Load = Callable[..., Loaded]
Problems = Callable[..., ConfigProblems]

MINIMUM = '[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\n'


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Load a file of this text with this environment; it must be good."""

    def run(text: str = MINIMUM, environ: Mapping[str, str] | None = None) -> Loaded:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, environ or {})

    return run


@pytest.fixture
def problems(loaded: Load) -> Problems:
    """Load a file of this text with this environment; it must be refused."""

    def run(text: str = MINIMUM, environ: Mapping[str, str] | None = None) -> ConfigProblems:
        with pytest.raises(ConfigProblems) as caught:
            loaded(text, environ)
        return caught.value

    return run
