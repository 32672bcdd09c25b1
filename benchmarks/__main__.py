"""Measures everything, one thing after the other."""

from __future__ import annotations

import sys
from importlib import import_module

MODULES = ("lists", "sync")


def main() -> int:
    """Run each benchmark; the exit code is 1 where one of them missed its goal."""
    worst = 0
    for name in MODULES:
        print(f"\n== {name}")
        worst = max(worst, import_module(f"benchmarks.{name}").main([]))
    return worst


if __name__ == "__main__":
    sys.exit(main())
