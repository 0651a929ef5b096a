"""`acmedns challenge-name`: the name at which a CA looks for an ACME account's dns-account-01, and its CNAME record."""

from typing import Annotated

import typer

from acmedns_py.accounts.challenge_label import challenge_label
from acmedns_py.cli.asking import ConfigPath, door, fail, path_of
from acmedns_py.cli.client_files import LONGEST_NAME, bare_domain
from acmedns_py.cli.forms import Named, read
from acmedns_py.cli.printing import Json, print_facts, print_json
from acmedns_py.errors import Unusable
from acmedns_py.setup.hosts import CHALLENGE, challenge_record


def challenge_name(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="What the certificate is for, as example.org.")],
    account: Annotated[
        str | None,
        typer.Argument(metavar="[ACCOUNT]", help="The account here that holds its value, to print the CNAME record."),
    ] = None,
    config: ConfigPath = None,
    *,
    account_url: Annotated[
        str, typer.Option("--account-url", metavar="URL", help="The ACME account, as the CA gave its URL.")
    ],
    json: Json = False,
) -> None:
    """Print label and name of a dns-account-01 challenge, and with an account here the CNAME record."""
    try:
        label = challenge_label(account_url)
    except Unusable as error:
        fail(f"--account-url {error}")
    try:
        bare = bare_domain(domain)
    except ValueError as error:
        fail(f"domain {domain!r} can't be used: {error}")
    name = f"{label}.{CHALLENGE}{bare}"
    if len(name) > LONGEST_NAME:
        fail(f"domain {domain!r} can't be used: with {label}.{CHALLENGE} in front it has more than 253 characters")
    facts = {"label": label, "name": name}
    if account is not None:
        with door(config) as asked:
            fulldomain = read(asked.ask("GET", path_of(account)), Named)["fulldomain"]
        facts["cname"] = challenge_record(bare, fulldomain, label=f"{label}.").line
    if json:
        print_json(facts)
    else:
        print_facts(facts)
