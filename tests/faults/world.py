"""A whole Seatledger of real processes, of which each may be killed at any moment and is started again."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from cryptography.fernet import Fernet
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.exc import DBAPIError

from config import BASE_DIR
from sandbox import Sandbox
from tests.support import factories
from tests.support.running import free_port
from tests.support.settings import environment_of, make_settings
from tests.support.turns import in_turn
from tests.support.waiting import eventually
from webapp import create_app
from webapp.extensions import db
from webapp.models import Role, UserSession

from .databases import PostgresqlServer, RedisServer, private_directory
from .hurried import LEASE
from .program import Program
from .trap import Trap
from .visitor import Visitor

# A run must have ended so long after service returned. Of the two minutes that are promised, a worker to whom time
# passes several times as fast gets half, since what else the machine has to do is not hurried.
ENDS_WITHIN_SECONDS = 60

# The apps of one process share what encrypts.
_ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
_HURRIED = (sys.executable, "-m", "tests.faults.hurried")
_UPKEEP = ("--only", "interactive", "--only", "upkeep")


class World:
    """The processes, and an app of this process with the same settings, by which a test sees and changes what is."""

    def __init__(self, directory: Path, postgresql: PostgresqlServer | None, sandbox: Sandbox, trap: Trap) -> None:
        self.directory, self.postgresql, self.sandbox, self.trap = directory, postgresql, sandbox, trap
        self.redis = RedisServer(directory)
        # How far each log was read.
        self._read: dict[Path, int] = {}
        settings = make_settings(
            directory,
            redis_url=self.redis.url,
            secret_key=secrets.token_urlsafe(32),
            encryption_keys=_ENCRYPTION_KEYS,
            port=free_port(),
            microsoft_login_url=sandbox.url,
            microsoft_graph_url=sandbox.url,
            microsoft_ca_bundle=str(sandbox.ca_bundle),
        )
        self.settings = replace(settings, database_url=postgresql.url) if postgresql else settings
        self.app: Flask = create_app(self.settings)
        # One does many tenants at the same time, as each does that is set up as it comes; the other one after another.
        self.workers = [
            self._program(f"worker_{number}", *_HURRIED, "jobs.worker", SYNC_TENANTS_AT_ONCE=hands)
            for number, hands in ((1, "16"), (2, "1"))
        ]
        # As beside the workers of `make run`: the upkeep waits for no sync.
        self.attendant = self._program("attendant", *_HURRIED, "jobs.worker", *_UPKEEP)
        self.schedule = self._program("schedule", *_HURRIED, "jobs.schedule")
        configuration = str(BASE_DIR / "gunicorn.conf.py")
        self.web = self._program("web", sys.executable, "-m", "gunicorn", "-c", configuration, "wsgi:app")
        self.visitor = Visitor(f"http://127.0.0.1:{self.settings.port}")

    @property
    def programs(self) -> list[Program]:
        return [*self.workers, self.attendant, self.schedule, self.web]

    @property
    def lease_seconds(self) -> float:
        """How long a part is held by whoever is not heard of any more."""
        return LEASE.total_seconds()

    def start(self) -> None:
        self.redis.start()
        with self.app.app_context():
            upgrade()
            self.visitor.cookie = self._signed_in()
        for program in self.programs:
            program.start()

    def stop(self) -> None:
        for program in [*self.programs, self.redis]:
            if not program.is_down:
                program.thaw()
                program.kill()
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    def restore(self) -> None:
        """Let service return: what was killed is started again, what was frozen goes on."""
        if self.postgresql is not None:
            self.postgresql.start()
        if self.redis.is_down:
            self.redis.start()
        for program in self.programs:
            if program.is_down:
                program.start()
            program.thaw()

    def is_well(self) -> bool:
        """Whether each page is shown as ever, and work can be done. Fails where a process ended by itself."""
        for program in self.programs:
            said = program.log.read_text(errors="replace")[-2000:] if program.ended_by_itself else ""
            assert not program.ended_by_itself, f"{program.name} ended by itself: {said}"
        return self.visitor.is_well()

    def new_log(self) -> dict[str, str]:
        """By process, what it said since this was last asked, if anything."""
        said = {}
        for path in sorted(self.directory.glob("*.log")):
            with path.open(errors="replace") as log:
                log.seek(self._read.get(path, 0))
                said[path.name] = log.read()
                self._read[path] = log.tell()
        return {name: text for name, text in said.items() if text}

    @contextmanager
    def looking(self) -> Iterator[None]:
        """An app context in which what is read is what is stored now."""
        with self.app.app_context():
            try:
                yield
            finally:
                _let_go()

    def empty(self) -> None:
        """Forget all but who is signed in."""
        with self.looking():
            _delete_rows()

    @in_turn
    def _signed_in(self) -> str:
        """The cookie of an Administrator's session."""
        user = factories.Make().user(role=Role.ADMINISTRATOR)
        UserSession.open(db.session, user)
        db.session.commit()
        serializer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        return str(serializer.dumps({"_user_id": user.session_token, "_fresh": True}))

    def _program(self, name: str, *command: str, **settings: str) -> Program:
        environment = {**environment_of(self.settings), **settings}
        return Program(name, command, environment, self.directory / f"{name}.log")


@in_turn
def _delete_rows() -> None:
    kept = {"user_account", "user_session", "product", "setup_code"}
    for table in reversed(db.metadata.sorted_tables):
        if table.name not in kept:
            db.session.execute(table.delete())
    db.session.commit()


def _let_go() -> None:
    try:
        db.session.rollback()
    except DBAPIError:
        db.session().invalidate()


@contextmanager
def a_world(database: str) -> Iterator[World]:
    """A world that runs, on this database: `sqlite` or `postgresql`."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(private_directory()))
        sandbox = stack.enter_context(Sandbox(latency_ms=20))
        trap = stack.enter_context(Trap())
        postgresql = PostgresqlServer(directory) if database == "postgresql" else None
        if postgresql is not None:
            stack.callback(postgresql.stop)
        world = World(directory, postgresql, sandbox, trap)
        stack.callback(world.stop)
        world.start()
        # How long all programs take to start for the first time is no part of what is promised.
        eventually(world.is_well, 4 * ENDS_WITHIN_SECONDS)
        yield world
