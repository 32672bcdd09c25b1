"""Measures everything, one thing after the other."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

MODULES = ("lists", "sync", "memory")
# Those that can be told to measure less, and to fail where a goal is missed.
_WITH_OPTIONS = ("sync", "memory")


def main() -> int:
    """Run each benchmark; the exit code is 1 where one of them says so."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure syncs with few tenants and users")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a goal of syncs is missed, too")
    options = [f"--{name}" for name, is_given in vars(parser.parse_args()).items() if is_given]
    worst = 0
    for name in MODULES:
        print(f"\n== {name}", flush=True)
        given = options if name in _WITH_OPTIONS else []
        worst = max(worst, import_module(f"benchmarks.{name}").main(given))
    return worst


if __name__ == "__main__":
    sys.exit(main())
