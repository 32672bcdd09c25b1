"""What docs/deploy.md and the files in deploy/ start is there, and is set as the settings are called."""

from __future__ import annotations

import configparser
import importlib.util
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from config import BASE_DIR, Settings
from jobs import queue
from jobs.told_to_stop import STOP_SECONDS
from launcher import supervisor
from tests.support.settings import make_settings
from webapp.organizations import reading as organizations
from webapp.products import reading as products

DEPLOY = BASE_DIR / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "seatledger"}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
EXAMPLE = DEPLOY / "seatledger.env.example"
SETTINGS = {field.name.upper() for field in fields(Settings)}
DOCUMENT = (BASE_DIR / "docs" / "deploy.md").read_text()
# Of Python itself, and of the compose file's own PostgreSQL.
OTHERS = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PATH", "POSTGRES_PASSWORD"}


def section(path: Path, name: str = "Service") -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return dict(parser[name])


def environment_of_unit(path: Path) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(section(path)["Environment"]))


def commands() -> dict[str, list[str]]:
    """By where it stands, each command without the folder of its program."""
    found = {f"compose {name}": list(service["command"]) for name, service in OURS.items()}
    for path in UNITS:
        program, *rest = shlex.split(section(path)["ExecStart"])
        found[f"systemd {path.stem}"] = [Path(program).name, *rest]
    return found


@pytest.mark.parametrize("where", sorted(commands()))
def test_each_command_is_there(where: str, app: Flask) -> None:
    program, *arguments = commands()[where]
    if program == "gunicorn":
        _, configuration, application = arguments
        assert (BASE_DIR / configuration).is_file()
        module, _, name = application.partition(":")
        assert re.search(rf"^{name} = ", (BASE_DIR / f"{module}.py").read_text(), flags=re.MULTILINE)
    elif program == "flask":
        assert arguments == ["db", "upgrade"]
        assert "db" in app.cli.commands
    else:
        assert (program, arguments[0]) == ("python", "-m")
        assert importlib.util.find_spec(arguments[1]) is not None
        assert set(arguments[3::2]) <= set(queue.QUEUES)


def test_both_start_what_make_run_starts(tmp_path: Path) -> None:
    wanted = {
        tuple(word.removeprefix(f"{BASE_DIR}/") for word in program.command[1:] if word not in {"-m", "gunicorn"})
        for program in supervisor.programs(make_settings(tmp_path))
    }
    for kind in ("compose", "systemd"):
        given = {
            tuple(word for word in command[1:] if word != "-m")
            for where, command in commands().items()
            if where.startswith(kind) and command[0] != "flask"
        }
        assert given == wanted


def test_there_is_one_schedule() -> None:
    assert SERVICES["schedule"]["deploy"]["replicas"] == 1
    schedules = [where for where, command in commands().items() if "jobs.schedule" in command]
    assert sorted(schedules) == ["compose schedule", "systemd seatledger-schedule"]  # a unit that is no template


def test_there_are_several_of_what_may_be_several() -> None:
    assert all(SERVICES[name]["deploy"]["replicas"] > 1 for name in ("web", "worker"))
    templates = {path.stem for path in UNITS if path.stem.endswith("@")}
    assert templates == {"seatledger-web@", "seatledger-worker@"}


def test_every_variable_is_a_documented_setting() -> None:
    given = set(re.findall(r"^([A-Z_]+)=", EXAMPLE.read_text(), flags=re.MULTILINE))
    for service in OURS.values():
        given |= set(service["environment"])
    for path in UNITS:
        given |= set(environment_of_unit(path))
    given |= set(re.findall(r"^(?:ENV|   ) ([A-Z_]+)=", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE))
    assert given <= SETTINGS | OTHERS
    assert {"SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "REDIS_URL", "DATA_DIR", "TRUSTED_PROXIES"} <= given


def test_nothing_starts_before_the_database_is_migrated_and_that_once() -> None:
    for name in set(OURS) - {"migrate"}:
        assert OURS[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert OURS["migrate"]["restart"] == "no"
    for path in UNITS:
        if path.stem != "seatledger-migrate":
            assert "seatledger-migrate.service" in section(path, "Unit")["After"]


def test_no_secret_is_in_the_files_and_none_may_be_forgotten() -> None:
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "METRICS_TOKEN", "POSTGRES_PASSWORD"):
        assert re.search(rf"^{name}=$", EXAMPLE.read_text(), flags=re.MULTILINE)
    for service in OURS.values():
        for name in ("SECRET_KEY", "ENCRYPTION_KEYS"):
            assert service["environment"][name].startswith(f"${{{name}:?")
    # What others need not know goes to our processes alone.
    assert not [name for name in set(SERVICES) - set(OURS) if "env_file" in SERVICES[name]]


def test_a_worker_has_the_time_to_hand_back_what_it_has_in_hand() -> None:
    assert all(int(service["stop_grace_period"].rstrip("s")) > STOP_SECONDS for service in OURS.values())
    workers = [path for path in UNITS if "jobs.worker" in section(path)["ExecStart"]]
    assert len(workers) == 2
    assert all(int(section(path)["TimeoutStopSec"]) > STOP_SECONDS for path in workers)


def test_what_ends_by_itself_is_started_again_however_often() -> None:
    for path in UNITS:
        if path.stem != "seatledger-migrate":
            assert section(path)["Restart"] == "always"
            assert section(path, "Unit")["StartLimitIntervalSec"] == "0"
    assert {service["restart"] for name, service in OURS.items() if name != "migrate"} == {"unless-stopped"}


def test_stopping_the_target_is_over_when_all_have_ended() -> None:
    for path in UNITS:
        if path.stem != "seatledger-migrate":
            unit = section(path, "Unit")
            assert unit["PartOf"] == "seatledger.target"
            # What comes after it at the start ends before it.
            assert "seatledger.target" in unit["After"].split()


def test_web_processes_that_are_restarted_one_after_the_other_leave_one_that_answers() -> None:
    (web,) = [path for path in UNITS if "gunicorn" in section(path)["ExecStart"]]
    assert section(web)["Type"] == "notify"
    servers = re.findall(r"^    server 127\.0\.0\.1:\d+(.*);", DOCUMENT, flags=re.MULTILINE)
    assert servers
    assert set(servers) == {" max_fails=0"}


def test_the_image_has_all_that_is_imported_and_runs_without_rights() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    last = dockerfile.rpartition("\nFROM ")[2]
    for name in ("wsgi.py", "config.py", "gunicorn.conf.py", "pyproject.toml"):
        assert re.search(rf"^COPY .*\b{re.escape(name)}\b", last, flags=re.MULTILINE)
    for folder in ("settings", "logs", "jobs", "migrations", "webapp"):
        assert f"\nCOPY {folder} {folder}\n" in last
    assert "\nUSER seatledger\n" in last
    assert "--require-hashes" in dockerfile
    assert "npm ci" in dockerfile
    let_in = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), flags=re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, flags=re.MULTILINE)
    assert {word.split("/")[0] for line in copied for word in line.split()} == set(let_in)
    assert all((BASE_DIR / name).exists() for name in let_in)


def test_the_proxy_which_everybody_reaches_does_not_reach_the_databases() -> None:
    """Redis needs no password there, and whoever writes to it chooses what the workers do."""
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    for name in SERVICES.keys() - {"proxy"}:
        assert networks[name] & networks["redis"] & networks["postgresql"], name
    assert networks["proxy"] & networks["web"]
    assert not networks["proxy"] & (networks["redis"] | networks["postgresql"])
    assert set().union(*networks.values()) == set(COMPOSE["networks"])


def test_redis_throws_nothing_away() -> None:
    assert "noeviction" in SERVICES["redis"]["command"]


def test_postgresql_takes_all_connections_also_of_as_many_as_are_proposed() -> None:
    (limit,) = [int(word.split("=")[1]) for word in SERVICES["postgresql"]["command"] if "max_connections" in word]
    replicas = {name: SERVICES[name]["deploy"]["replicas"] for name in ("web", "worker")}
    scaled = {name: int(count) for name, count in re.findall(r"--scale (\w+)=(\d+)", DOCUMENT)}
    assert set(scaled) == set(replicas)
    worker, attendant, web = 20 + 6, 6, 20
    for count in (replicas, scaled):
        assert count["worker"] * worker + attendant + count["web"] * web + 1 + 20 <= limit


def test_the_document_names_each_unit_and_each_command() -> None:
    for path in UNITS:
        assert path.stem in DOCUMENT
    for command in commands().values():
        assert " ".join(command) in DOCUMENT
    for path in re.findall(r"deploy/[\w.]+(?:\.[a-z]+)+", DOCUMENT):
        if path != "deploy/seatledger.env":
            assert (BASE_DIR / path).exists(), path


def test_the_proxy_of_the_document_lets_every_file_through_that_is_taken() -> None:
    limit = re.search(r"client_max_body_size (\d+)m;", DOCUMENT)
    assert limit
    assert int(limit[1]) * 1024 * 1024 > max(products.LIMITS.largest_file, organizations.LIMITS.largest_file)


def test_the_proxy_of_the_compose_file_takes_whole_what_anybody_may_send(app: Flask) -> None:
    """Sent slowly, it would else keep a thread of a web process for as long as its sender likes."""
    proxied = (DEPLOY / "Caddyfile").read_text().partition("reverse_proxy {")[2]
    buffered = re.search(r"^\s*request_buffers (\d+)MiB$", proxied, flags=re.MULTILINE)
    assert buffered
    assert int(buffered[1]) * 1024 * 1024 > app.config["MAX_CONTENT_LENGTH"]


def test_files_that_a_step_names_are_in_the_folder_that_it_was_led_to() -> None:
    for block in re.findall(r"```sh\n(.*?)```", DOCUMENT.split("## With systemd")[1], flags=re.DOTALL):
        named = re.search(r"(?<!\S)deploy/|make install|git pull", block)
        assert named is None or "cd /opt/seatledger" in block[: named.start()], block
