"""`python -m acmedns_py.service.check_process [CONFIG]`: one check of the running server, which has started it.

It reads the configuration again, so that what it finds is what `acmedns check` would find at that moment.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from acmedns_py.config.load import load
from acmedns_py.config.problems import ConfigProblems, one_line
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError
from acmedns_py.log import configure_command
from acmedns_py.service.aside import step_aside
from acmedns_py.service.checking import check_zone
from acmedns_py.service.ignored import refuse_unknown

AT_ONCE: Final = 50
"""Questions on their way together; gentler than by hand: nobody waits for it, and it comes again."""


def main() -> int:
    """Print the report as JSON; what fails is one line on standard error, and exit code 1."""
    step_aside()
    configure_command()
    config = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    try:
        loaded = load(config, os.environ)
        refuse_unknown(loaded)
        apex = name.from_text(loaded.settings.zone.name)
        options = loaded.settings.check
        checked = check_zone(apex, loaded, options, begun=lambda _: None, labelled=True, at_once=AT_ONCE)
        report = asyncio.run(checked)
    except ConfigProblems as problems:
        sys.stderr.write(one_line(f"the configuration has a problem: {problems.problems[0]}") + "\n")
        return 1
    except AcmednsError as error:
        sys.stderr.write(one_line(str(error)) + "\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(report.document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
