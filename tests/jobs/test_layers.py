"""Arrows run one way: who may import whom."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"webapp", "jobs", "sandbox", "config", "settings", "logs", "launcher", "benchmarks", "tests", "migrations"}


def imports_of(path: Path) -> Iterator[str]:
    """The full names of what a file imports of ours, wherever in it that stands."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ours_imported_in(folder: str) -> dict[str, set[str]]:
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        names = {name for name in imports_of(path) if name.partition(".")[0] in OURS}
        found[str(path.relative_to(ROOT))] = names
    assert found
    return found


def under(name: str, *modules: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def test_the_application_reaches_jobs_only_through_the_queue() -> None:
    for path, names in ours_imported_in("webapp").items():
        strays = {name for name in names if under(name, "jobs") and not under(name, "jobs.queue")}
        assert not strays, path


def test_the_queue_imports_nothing_of_the_jobs_that_it_names() -> None:
    for path, names in ours_imported_in("jobs/queue").items():
        assert not {name for name in names if not under(name, "jobs.queue")}, path


def test_models_import_each_other_and_the_extensions_and_nothing_else_of_ours() -> None:
    for path, names in ours_imported_in("webapp/models").items():
        assert not {name for name in names if not under(name, "webapp.models", "webapp.extensions")}, path


def test_jobs_import_of_the_application_only_what_lies_below_the_pages() -> None:
    below = (
        "models",
        "refusals",
        "extensions",
        "background",
        "database",
        "engines",
        "schema_version",
        "starting",
        "version",
        "text",
        "metrics.events",
        "metrics.flushing",
    )
    application = ("create_app", *below)
    allowed = ("jobs", "config", "settings", "logs", *(f"webapp.{name}" for name in application))
    for path, names in ours_imported_in("jobs").items():
        assert not {name for name in names if not under(name, *allowed)}, path


def test_what_knows_microsoft_knows_nothing_of_the_database_or_the_queue() -> None:
    models = ("Problem", "Cloud", "LicenseStatus", "UNKNOWN", "figures", "fold")
    vault = ("webapp.extensions.vault", "webapp.extensions.UnreadableSecret")
    allowed = (
        "jobs.microsoft",
        "config",
        *vault,
        "webapp.text",
        "webapp.metrics.events",
        *(f"webapp.models.{name}" for name in models),
    )
    for path, names in ours_imported_in("jobs/microsoft").items():
        assert not {name for name in names if not under(name, *allowed)}, path


def test_the_log_stands_below_everything_but_the_settings() -> None:
    for path, names in ours_imported_in("logs").items():
        assert not {name for name in names if not under(name, "logs", "config")}, path


def test_what_is_counted_asks_nothing_where_it_is_counted() -> None:
    for name in ("events", "counting", "catalogue"):
        names = {name for name in imports_of(ROOT / f"webapp/metrics/{name}.py") if name.partition(".")[0] in OURS}
        assert not {name for name in names if not under(name, "webapp.metrics")}


def test_the_sandbox_and_the_application_know_nothing_of_each_other() -> None:
    for path, names in ours_imported_in("sandbox").items():
        assert not {name for name in names if not under(name, "sandbox")}, path
    for folder in ("webapp", "jobs"):
        for path, names in ours_imported_in(folder).items():
            assert not {name for name in names if under(name, "sandbox", "tests", "benchmarks", "launcher")}, path


def test_the_settings_stand_below_everything() -> None:
    for path, names in ours_imported_in("settings").items():
        assert not {name for name in names if not under(name, "settings")}, path
    names = {name for name in imports_of(ROOT / "config.py") if name.partition(".")[0] in OURS}
    assert not {name for name in names if not under(name, "settings")}


@pytest.mark.parametrize("module", ["webapp", "webapp.models", "jobs.queue"])
def test_the_pages_load_neither_msal_nor_the_graph_client(module: str) -> None:
    script = (
        f"import sys, {module}; "
        "print([n for n in sys.modules if n.split('.')[0] in ('msal', 'requests') or n.startswith('jobs.microsoft')])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
