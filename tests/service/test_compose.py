"""What is loaded only where it is wanted."""

import json
import subprocess
import sys


def test_who_has_another_certificate_loads_no_acme_client():
    """It costs a quarter of a second and 20 MiB."""
    program = "import json, sys, acmedns_py.cli, acmedns_py.service.lifetime; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True).stdout)
    assert "acmedns_py.service.compose" in loaded
    assert not {"acme", "josepy", "requests", "cryptography", "acmedns_py.certificate.keeper"} & set(loaded)
