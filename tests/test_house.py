"""What holds for the repository as a whole: documents tell what is true, layers keep apart."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
from flask import Flask

from config import BASE_DIR, Settings

README = (BASE_DIR / "README.md").read_text()
SETTINGS_DOCUMENT = (BASE_DIR / "docs" / "settings.md").read_text()
COMMANDS_DOCUMENT = (BASE_DIR / "docs" / "commands.md").read_text()

# Derived from another setting, so nothing to set.
DERIVED = {"redis_is_embedded"}
# Commands that libraries bring along.
FOREIGN = {"db", "limiter"}


@pytest.mark.parametrize("name", sorted(field.name for field in fields(Settings) if field.name not in DERIVED))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name.upper()}`" in SETTINGS_DOCUMENT


def test_every_documented_setting_exists() -> None:
    known = {field.name.upper() for field in fields(Settings)}
    assert set(re.findall(r"^\| `([A-Z_]+)`", SETTINGS_DOCUMENT, flags=re.MULTILINE)) <= known


def test_every_command_is_documented_and_has_help(app: Flask) -> None:
    own = {name: command for name, command in app.cli.commands.items() if name not in FOREIGN}
    assert len(own) > 10
    for group_name, group in own.items():
        commands = group.commands if isinstance(group, click.Group) else {"": group}
        for name, command in commands.items():
            called = f"{group_name} {name}".strip()
            assert f"flask {called}" in COMMANDS_DOCUMENT, f"{called} is not documented"
            assert command.help, f"{called} has no help"
            for parameter in command.params:
                if isinstance(parameter, click.Option):
                    assert parameter.opts[0] in COMMANDS_DOCUMENT, f"{called} {parameter.opts[0]}"


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (BASE_DIR / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z]+)`?", README)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_every_icon_that_a_template_names_is_copied_and_no_other() -> None:
    templates = "\n".join(path.read_text() for path in (BASE_DIR / "webapp" / "templates").rglob("*.html"))
    sources = "\n".join(path.read_text() for path in (BASE_DIR / "webapp").rglob("*.py"))
    listed = set((BASE_DIR / "webapp" / "icons.txt").read_text().split())
    named = {name for name in listed if re.search(rf"[\"']{re.escape(name)}[\"']", templates + sources)}
    assert listed - named == set(), "listed in icons.txt and used nowhere"
    for name in re.findall(r"icon\(\"([a-z0-9-]+)\"", templates):
        assert name in listed, f"{name} is used and not listed in icons.txt"


@pytest.mark.parametrize(
    "path", sorted((BASE_DIR / "webapp" / "templates").rglob("*.html")), ids=lambda path: path.name
)
def test_no_template_has_inline_script_or_style(path: Path) -> None:
    text = re.sub(r"{[{%#].*?[}%#]}", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
