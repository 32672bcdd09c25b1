"""What somebody is told to type."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from webapp import called


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(called, "BASE_DIR", tmp_path)
    return tmp_path


def test_a_command_is_named_as_make_install_leaves_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(project / ".venv"))
    (project / ".venv").mkdir()
    assert called.flask_command() == ".venv/bin/flask"


@pytest.mark.parametrize("has_another", [False, True])
def test_a_command_is_named_as_a_container_has_it_where_it_runs_from_elsewhere(
    project: Path, has_another: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(project))
    if has_another:
        (project / ".venv").mkdir()
    assert called.flask_command() == "flask"
