"""The soak: everything at once for a while, and nothing wrong, nothing growing, nobody shut out.

`make soak SECONDS=1800`; `tests/soak/test_soak.py` is the same in two minutes.
"""
