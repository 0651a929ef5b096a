"""Where the service keeps its own: beside SQLite's file, as the store finds it, or in the system's directories."""

from pathlib import Path

import pytest

from acmedns_py.config.settings import Settings
from acmedns_py.service.places import certificate_folder, socket_path
from acmedns_py.store.engine import target


def settings(url: str, **sections: object) -> Settings:
    return Settings.model_validate({"zone": {"name": "auth.example.org"}, "database": {"url": url}, **sections})


@pytest.mark.parametrize("path", ["/var/lib/a b/x.db", "relative.db", "/with%20percent.db", "//two.db", "/ä+b.db"])
def test_beside_the_file_that_the_store_opens(path):
    found = settings(f"sqlite:///{path}")
    file = target(found.database.connection_url).path
    assert file is not None
    assert found.database.file == file
    assert socket_path(found) == Path(f"{file}.sock")
    assert certificate_folder(found) == Path(f"{file}.certificate")


def test_elsewhere_without_a_file():
    found = settings("postgresql://acmedns@localhost/acmedns")
    assert found.database.file is None
    assert socket_path(found) == Path("/run/acmedns/auth.example.org.sock")
    assert certificate_folder(found) == Path("/var/lib/acmedns/certificate")
    configured = settings("postgresql://acmedns@localhost/acmedns", admin={"socket": "/tmp/a.sock"})
    assert socket_path(configured) == Path("/tmp/a.sock")
