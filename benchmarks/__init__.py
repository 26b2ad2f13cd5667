"""Measurements of the real thing, each beside the limit that the same machine sets in the same run: `python -m benchmarks --help`."""
