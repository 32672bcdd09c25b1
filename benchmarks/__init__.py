"""What is measured: `python -m benchmarks` measures all, `python -m benchmarks.lists` and the like one thing."""
