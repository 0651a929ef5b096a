"""Fuzzing: targets that take any octets, the inputs kept for them, and atheris to look for more.

A target is a module with `check(octets)`, which raises for what must not be; `targets` lists them.
`corpus/TARGET` holds inputs that reach different branches, as few and small as `keep` could make them;
`dictionaries/TARGET` has the words that chance would not find (libFuzzer's form).

    make fuzz SECONDS=600                   looks for more; what it finds goes below var/fuzz, not into the corpus
    python -m tests.fuzz.replay gate FILE   tries one input, without atheris
    python -m tests.fuzz.keep gate          puts what was found, and the seeds, into the corpus, and shrinks that
"""
