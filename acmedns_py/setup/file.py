"""The first configuration on disk: checked before it is there, and kept from others where it holds a secret."""

import grp
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from acmedns_py.config.load import ConfigProblems, Loaded, load
from acmedns_py.errors import Unusable

GROUP: Final = "acmedns"
"""Of the service, as deploy/systemd makes it."""

_OPEN_MODE: Final = 0o644
_GROUP_MODE: Final = 0o640
_OWN_MODE: Final = 0o600


def write(path: Path, text: str, *, secret: bool, overwrite: bool, environ: Mapping[str, str]) -> Loaded:
    """Write a configuration and give it as `serve` would read it; the directory is made where only it is missing.

    With a secret in it the file is for its owner, and the group of the service where root writes it. Raises `Unusable`
    where it can't be written or, unless `overwrite`, is there already; `ConfigProblems` where it can't be served. Then
    nothing has changed.
    """
    try:
        # A link stays one: what it leads to is replaced.
        place = path.resolve()
        if place.exists() and not overwrite:
            raise Unusable(f"{path} is there already; name another by -c, or say --overwrite")
        unfinished = place.with_name(f".{place.name}.{os.getpid()}.part")
        if not place.parent.is_dir():
            place.parent.mkdir()
        try:
            _fill(unfinished, text, secret=secret)
            loaded = load(unfinished, environ)
            unfinished.rename(place)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unusable(f"{path} can't be written ({reason}); name another by -c, or run this as root") from None
    except ConfigProblems as problems:
        raise ConfigProblems(problems.problems, path=path, warnings=problems.warnings) from None
    return replace(loaded, path=path)


def _fill(path: Path, text: str, *, secret: bool) -> None:
    octets = text.encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWN_MODE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
        os.fchmod(descriptor, _mode(descriptor) if secret else _OPEN_MODE)
        file.write(octets)
        file.flush()
        os.fsync(descriptor)


def _mode(descriptor: int) -> int:
    """Hand a file of root's to the service's group where there is one, and give the mode that goes with it."""
    if os.geteuid() == 0:
        with suppress(KeyError):
            os.fchown(descriptor, 0, grp.getgrnam(GROUP).gr_gid)
            return _GROUP_MODE
    return _OWN_MODE
