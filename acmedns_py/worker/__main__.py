"""`python -m acmedns_py.worker FD`: one DNS worker, started by the control process only."""

import sys

from acmedns_py.worker.main import main

main(sys.argv)
