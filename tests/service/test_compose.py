"""What is loaded only where it is wanted."""

import json
import subprocess
import sys


def test_neither_acme_client_nor_metrics_are_loaded_for_who_has_no_use_for_them():
    """The one costs a quarter of a second and 20 MiB, the other 45 ms and 2 MiB."""
    program = "import json, sys, acmedns_py.cli, acmedns_py.service.lifetime; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True).stdout)
    assert "acmedns_py.service.compose" in loaded
    assert not {
        "acme",
        "josepy",
        "requests",
        "cryptography",
        "prometheus_client",
        "acmedns_py.certificate.keeper",
    } & set(loaded)
