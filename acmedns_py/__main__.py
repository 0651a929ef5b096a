"""Where `acmedns` begins: an interrupt ends it quietly from its first moment on, also while its modules are loaded."""

import signal


def main() -> None:
    """Load the command line and run it."""
    # Who starts it in the background of a script lets it ignore interrupts, and that stays so.
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        # Until there is something that an interrupt may not cut off, it ends the process as the kernel does it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from acmedns_py import cli  # noqa: PLC0415 - this takes a while

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
