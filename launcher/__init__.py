"""Sets up and starts a whole Seatledger on one machine: what `make run` and `make demo` call."""
