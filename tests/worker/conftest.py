"""Workers of both kinds: with the compiled batch module, and of an installation that could not build it."""

import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.draining import named


@pytest.fixture(scope="session")
def python_without_batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with everything that this one has, but for the compiled module.

    A worker sees no environment and no path of ours, so it is the interpreter that has to be another one.
    """
    folder = tmp_path_factory.mktemp("without-batch")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    lines = [f"site.addsitedir({path!r})" for path in site.getsitepackages()]
    lines.append("sys.modules['acmedns_py.worker._batch'] = None")  # which makes its import an ImportError
    (packages / "without_batch.pth").write_text(f"import site, sys; {'; '.join(lines)}\n")
    return folder / "bin" / "python"


@pytest.fixture(scope="module", params=["batch", "python"])
def drained_by(request: pytest.FixtureRequest) -> Iterator[str]:
    """By what the workers that are started drain UDP sockets, in the words of their `Hello`."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "batch":
            named("batch")
        else:
            patch.setattr(sys, "executable", str(request.getfixturevalue("python_without_batch")))
        program = "from acmedns_py.worker.udp import DRAINED_BY; print(DRAINED_BY)"
        said = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True).stdout
        assert said.strip() == request.param
        yield request.param
