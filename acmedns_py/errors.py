"""Every exception this program raises on purpose, and who is at fault for each.

    AcmednsError
    ├── ConfigError        the operator: an option holds what it may not hold
    ├── ListenError        the machine or the operator: an address can't be bound
    ├── StoreUnavailable   the database: gone, slow, full, locked; a later try may succeed
    │   └── OutcomeUnknown         the database, or the way to it: its answer to a commit never came
    ├── StoreRefused       the operator: this database is not one we may write (foreign, newer, held)
    ├── BackupRefused      the operator or the machine: a backup file that can't be written, or must not be read in
    │   └── OutputClosed           nobody: whoever read the output has seen enough
    ├── AsideFailed        the machine or the operator: what a process beside the server was to do
    ├── WorkerNotStarted   the machine: a DNS worker's process can't be started
    ├── NotIssued          the CA, the way to it, or the DNS above us: no certificate for the API this time
    ├── NotServed          our own workers: a committed change was not confirmed in time
    ├── Overloaded         the load: a bounded queue is full
    ├── TooManyAttempts    the client: too many failed logins, wrong tokens, or registrations
    ├── TokenRefused       the operator: a token can't be made or revoked as asked
    │   ├── TokenTaken             there is one of that name already
    │   └── UnknownToken           there is none of that name
    ├── RightsExceeded     who holds a token: it would make another one that may do more than itself
    ├── Refused            the client: its credential, name or address gives it no right
    │   ├── TokenNotAccepted       the client: the token that it showed is not good here
    │   │   └── ScopeLacking       the client: the token is good, for something else
    │   └── RegistrationRefused    the client: it showed no token that lets it register
    ├── BadInput           the client: what it sent can't be understood
    ├── UnknownAccount     the operator: there is no such account (any more)
    ├── LabelTaken         who asks for a name: it is, or was, another's
    └── Unusable           the operator: what was asked for can't be done; the text says why and what to do

Normal DNS outcomes are values, never exceptions; the two that the DNS gate raises stand in `dns.wire`.
"""


class AcmednsError(Exception):
    """The root: whatever is below it was foreseen and has a text for people."""


class ConfigError(AcmednsError):
    """One option that can't be used: which, what it holds, what to do."""

    def __init__(self, option: str, value: object, cure: str) -> None:
        """Keep the three parts; `value` must already be masked where the option is a secret."""
        super().__init__(f"{option} = {value!r}: {cure}")
        self.option = option
        self.value = value
        self.cure = cure


class ListenError(AcmednsError):
    """An address that can't be bound: which, over what, who holds it, what to do."""

    def __init__(self, address: str, transport: str, holder: str, cure: str) -> None:
        """`address` is "ADDR:PORT", `transport` "UDP", "TCP" or "HTTP"; `holder` says who has it, or why not."""
        super().__init__(f"cannot listen on {address} ({transport}): {holder}; {cure}")
        self.address = address
        self.transport = transport
        self.holder = holder
        self.cure = cure


class StoreUnavailable(AcmednsError):
    """The database could not do it this time; nothing was committed that the caller may rely on."""


class OutcomeUnknown(StoreUnavailable):
    """The answer to a commit never came: it was done, or it was not; who needs to know has to look."""

    def __init__(self, reason: str) -> None:
        """`reason` is what the database, or the way to it, failed with."""
        super().__init__(
            f"whether the database did it is not known ({reason}): look before you repeat it; what was to be told and "
            "was not is replaced: a password by acmedns account rotate, a token by another one"
        )


class StoreRefused(AcmednsError):
    """A database that must not be used as it is; the text says why and what to do."""


class BackupRefused(AcmednsError):
    """A backup file that can't be written, or is not whole, or not for this server; the text says what to do."""


class OutputClosed(BackupRefused):
    """Whoever read a backup from standard output has gone."""


class AsideFailed(AcmednsError):
    """A process that works beside the server, for a backup or a check, did not do it; the text is its last line."""


class WorkerNotStarted(AcmednsError):
    """A DNS worker's process can't be started, or does not live; the text says why and what to do."""


class NotServed(AcmednsError):
    """A committed cursor that no set of live workers confirmed in time; the value stays, a repeat waits for it."""

    def __init__(self, cursor: int, reason: str) -> None:
        """`cursor` is the committed change that was waited for."""
        super().__init__(f"cursor {cursor}: {reason}")
        self.cursor = cursor


class NotIssued(AcmednsError):
    """A CA has not done what it was asked for, or not said so; the text has its words, and what to do.

    `retry_after` is in seconds, 0: unsaid; `refused` says that it has done nothing, by its own word.
    """

    def __init__(self, reason: str, *, retry_after: float = 0.0, refused: bool = False) -> None:
        """`reason` is one line."""
        super().__init__(reason)
        self.retry_after = retry_after
        self.refused = refused


class Overloaded(AcmednsError):
    """A bounded queue is full, or was not reached in time; `retry_after` is in seconds."""

    def __init__(self, what: str, *, retry_after: int) -> None:
        """`what` names the queue for the log."""
        super().__init__(what)
        self.retry_after = retry_after


class TooManyAttempts(AcmednsError):
    """Failed logins, wrong tokens or registrations came faster than they may; `retry_after` is in seconds."""

    def __init__(self, what: str, *, retry_after: int) -> None:
        """`what` names the limit that was met, for the log."""
        super().__init__(what)
        self.retry_after = retry_after


class Refused(AcmednsError):
    """The client has no right to this; it sees 401 `forbidden`, the log gets `reason`."""

    def __init__(self, reason: str) -> None:
        """`reason` never holds a secret."""
        super().__init__(reason)
        self.reason = reason


class TokenNotAccepted(Refused):
    """The token that was shown gives no right to this; which of the reasons it is, is for the log."""

    def __init__(self, reason: str, token: str | None = None) -> None:
        """`token` is the name, not the secret, of the token that was shown, where it is one of ours."""
        super().__init__(reason)
        self.token = token


class ScopeLacking(TokenNotAccepted):
    """The token that was shown is good, but has not the scope that this needs."""

    def __init__(self, scope: str, token: str) -> None:
        """`scope` is what is needed."""
        super().__init__("token_of_another_scope", token)
        self.scope = scope


class RegistrationRefused(Refused):
    """The client may not register; it sees one text whatever the `reason`, which is for the log."""

    def __init__(self, reason: str, token: str | None = None) -> None:
        """`token` is the name, not the secret, of the token that was shown, where it is one of ours."""
        super().__init__(reason)
        self.token = token


class TokenRefused(AcmednsError):
    """A token that can't be made or revoked as asked; the text says why and what to do."""


class TokenTaken(TokenRefused):
    """A name that a token has, or had: a name in a log means one token."""


class UnknownToken(TokenRefused):
    """There is no token of that name."""

    def __init__(self, name: str) -> None:
        """`name` is what was asked for."""
        super().__init__(f"there is no token of the name {name}; acmedns token list shows all")


class RightsExceeded(AcmednsError):
    """A token must not be used to make one that outlives it or that may do more; the text says what is in the way."""


class BadInput(AcmednsError):
    """The client sent what can't be understood; `word` is acme-dns's own error word."""

    def __init__(self, word: str, detail: str = "") -> None:
        """`detail` goes to the log only."""
        super().__init__(f"{word}: {detail}" if detail else word)
        self.word = word
        self.detail = detail


class UnknownAccount(AcmednsError):
    """There is no account of that name, or no longer."""

    def __init__(self, name: str) -> None:
        """`name` is what was asked for: a username, a label or a complete name."""
        super().__init__(f"there is no account {name!r}; acmedns account list shows all")


class LabelTaken(AcmednsError):
    """A label that can't be handed out: an account or a record of the zone has it, or a deleted account had it."""

    def __init__(self, label: str) -> None:
        """`label` is folded."""
        super().__init__(f"the name {label!r} is taken, by an account, a deleted account or a record; choose another")


class Unusable(AcmednsError):
    """What an operator wrote can't be used; the text says what was wrong and what to do."""
