"""The demo's sandbox, as commands beside the demo find it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from requests.utils import get_environ_proxies

from config import BASE_DIR
from launcher import demo

SCRIPT = "from config import load; it = load(None); print(it.microsoft_graph_url, it.microsoft_ca_bundle, it.port)"
NAMES = ("MICROSOFT_LOGIN_URL", "MICROSOFT_GRAPH_URL", "MICROSOFT_CA_BUNDLE", "HOST", "PORT")


def found_beside(data_dir: Path, **given: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=BASE_DIR,
        env={**environment, "DATA_DIR": str(data_dir), **given},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_command_finds_the_sandbox_and_the_port_while_the_demo_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATA_DIR", "DATABASE_URL", "REDIS_URL", *NAMES):
        monkeypatch.setenv(name, "")
    for name, value in (("DATA_DIR", str(tmp_path / "it's a folder")), ("HOST", "127.0.0.1"), ("PORT", "8061")):
        monkeypatch.setenv(name, value)
    own = demo.settings()
    with demo.sandbox(own) as settings:
        assert found_beside(own.data_dir) == f"{settings.microsoft_graph_url} {settings.microsoft_ca_bundle} 8061"
        assert found_beside(own.data_dir, MICROSOFT_GRAPH_URL="https://graph.example").startswith("https://graph.exam")
    assert found_beside(own.data_dir) == "None None 8000"


@pytest.mark.parametrize(("given", "name"), [("", "NO_PROXY"), ("corp.example", "no_proxy"), ("*", "NO_PROXY")])
def test_a_proxy_of_the_environment_is_not_asked_for_the_sandbox(
    given: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DATABASE_URL", "REDIS_URL", *NAMES, "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp.example:3128")
    monkeypatch.setenv(name, given)
    with demo.sandbox(demo.settings()) as settings:
        assert settings.microsoft_graph_url
        assert "https" not in get_environ_proxies(settings.microsoft_graph_url)
        assert ("https" in get_environ_proxies("https://graph.microsoft.com")) is (given != "*")
        assert "https" not in get_environ_proxies("https://corp.example") or not given
