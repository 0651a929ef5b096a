"""`acmedns stats`: how many accounts there are, and how many of them are used."""

from acmedns_py.cli.asking import ConfigPath, door
from acmedns_py.cli.forms import read
from acmedns_py.cli.printing import Json, print_facts, print_json


def stats(config: ConfigPath = None, *, json: Json = False) -> None:
    """Print numbers of the whole database."""
    with door(config) as asked:
        found = read(asked.ask("GET", "/admin/v1/stats"), dict[str, int])
    if json:
        print_json(found)
    else:
        print_facts({name.replace("_", " "): str(number) for name, number in found.items()})
