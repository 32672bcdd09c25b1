"""The demo: Seatledger in a data directory of its own, its Microsoft being the sandbox."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from dotenv import set_key

from config import BESIDE, Settings, chosen_data_dir, load
from sandbox import Sandbox, demo_estate

# Who signs in, by the names of the roles, one of each; all have the same password.
ADDRESSES = {
    "Administrator": "demo@seatledger.example",
    "Manager": "manager@seatledger.example",
    "Editor": "editor@seatledger.example",
    "Creator": "creator@seatledger.example",
    "Lite": "lite@seatledger.example",
    "Read-only": "reader@seatledger.example",
}
EMAIL = ADDRESSES["Administrator"]
PASSWORD = "demo demo demo"  # noqa: S105 - printed for everyone who starts the demo


def settings() -> Settings:
    """The settings with a data directory, a database and a Redis of the demo's own: real data is never touched."""
    os.environ["DATA_DIR"] = str(chosen_data_dir() / "demo")
    os.environ["DATABASE_URL"] = os.environ["REDIS_URL"] = ""
    return load()


@contextmanager
def sandbox(own: Settings) -> Iterator[Settings]:
    """Run the sandbox with the demo's tenants; yields the settings that point there, which children inherit.

    Commands beside it are no children: they find them in the data directory, for as long as the sandbox runs.
    """
    beside = own.data_dir / BESIDE
    with Sandbox(demo_estate().tenants, directory=own.data_dir / "sandbox") as running:
        there = dict.fromkeys(("MICROSOFT_LOGIN_URL", "MICROSOFT_GRAPH_URL"), running.url)
        there["MICROSOFT_CA_BUNDLE"] = str(running.ca_bundle)
        # By these the links are made that commands print.
        there |= {"HOST": own.host, "PORT": str(own.port)}
        # No proxy that the environment names finds what is on this machine.
        there |= dict.fromkeys(("NO_PROXY", "no_proxy"), _without_proxy(urlsplit(running.url).hostname or ""))
        os.environ.update(there)
        for name, value in there.items():
            set_key(beside, name, value)
        try:
            yield load()
        finally:
            beside.unlink(missing_ok=True)


def _without_proxy(host: str) -> str:
    """The hosts that are reached without a proxy, as the environment names them, and this one."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    # A * counts only where it stands alone.
    return given if given.strip() == "*" else ",".join(filter(None, (given, host)))
