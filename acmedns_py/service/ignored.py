"""Holds what the operator has the check ignore (check.ignore) against the findings that there are."""

from acmedns_py.config.load import Loaded
from acmedns_py.config.problems import ConfigProblems, nearest
from acmedns_py.errors import ConfigError


def refuse_unknown(loaded: Loaded) -> None:
    """Raise `ConfigProblems` for each id of `check.ignore` that is none: a slip there would ignore nothing."""
    wanted = loaded.settings.check.ignore
    if not wanted:
        return
    # The whole of the check, which a server that ignores nothing need not have in memory.
    from acmedns_py.check.page import GROUPS  # noqa: PLC0415

    known = [kind for _, kinds in GROUPS for kind in kinds]
    problems = []
    for index, text in enumerate(wanted):
        given = text.partition(":")[0]
        if given not in known:
            meant = nearest(given, known)
            hint = f"did you mean {meant}?" if meant else "docs/findings.md has all of them"
            problems.append(ConfigError(f"check.ignore[{index}]", text, f"there is no finding of that id; {hint}"))
    if problems:
        raise ConfigProblems(problems, path=loaded.path, warnings=loaded.warnings)
