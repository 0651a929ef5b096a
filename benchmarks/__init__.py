"""Measurements, side by side in one run; `make bench` runs all, `python -m benchmarks dns` only some."""
