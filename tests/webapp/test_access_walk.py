"""Every address × every role × own and hidden records, against the one table of who may (access_table.py)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.conftest import signed_in
from tests.support.factories import Make
from webapp.access import Permission, permissions_of, sees_everything
from webapp.models import Role

from .access_table import API_KEY, MISSING, PARAMETERS, PUBLIC, SIGNED_IN, TABLE, Row
from .access_world import World, build

Choose = Callable[[str, World], object]

# Tokens differ with the second in which they are made.
_TOKEN = re.compile(r"[\w-]{20,}\.[\w-]{5,}\.[\w-]{20,}")


def rules(app: Flask) -> dict[tuple[str, str], Rule]:
    return {
        (rule.endpoint, method): rule
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_address_has_its_row_and_every_row_an_address(app: Flask) -> None:
    existing, listed = set(rules(app)), Counter((row.endpoint, row.method) for row in TABLE)
    missing = [f"{method} {endpoint}" for endpoint, method in sorted(existing - set(listed))]
    assert missing == [], (
        "these views have no row in tests/webapp/access_table.py: add one that says who may, for instance "
        'get(Permission.READ, "area.view"), so that the walk tests it for every role'
    )
    assert sorted(set(listed) - existing) == [], "these rows of tests/webapp/access_table.py have no view: remove them"
    assert [row for row, times in listed.items() if times > 1] == [], "these rows are in the table twice"


def test_every_part_of_an_address_can_be_filled_in(app: Flask) -> None:
    unknown = {
        argument: rule.endpoint
        for rule in app.url_map.iter_rules()
        for argument in rule.arguments
        if argument not in PARAMETERS
    }
    assert unknown == {}, "add these to PARAMETERS in tests/webapp/access_table.py, with a hidden one for records"


@dataclass
class Walk:
    """A way through the table with one role; a world that a request changed is left for a new one."""

    app: Flask
    make: Make
    role: Role
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rules = rules(self.app)
        self._renew()

    def own(self, row: Row) -> TestResponse:
        answer = self._ask(row, lambda name, world: PARAMETERS[name].own(world))
        if row.method == "POST" and answer.status_code < 400:
            self._renew()
        return answer

    def missing(self, row: Row) -> TestResponse:
        return self._ask(row, lambda name, world: MISSING if self._is_record(name) else PARAMETERS[name].own(world))

    def hidden(self, row: Row, why: str) -> TestResponse | None:
        """The answer for a record that is hidden, or None where the address names none that can be."""
        if not any(getattr(PARAMETERS[name], why) for name in self.rules[row.endpoint, row.method].arguments):
            return None
        return self._ask(row, lambda name, world: (getattr(PARAMETERS[name], why) or PARAMETERS[name].own)(world))

    def may(self, row: Row) -> bool:
        if isinstance(row.who, Permission):
            return row.who in permissions_of(self.role)
        return row.who in {PUBLIC, SIGNED_IN}

    def expect(self, row: Row, is_right: bool, what: str) -> None:
        if not is_right:
            self.wrong.append(f"{row.method} {row.endpoint} as {self.role}: {what}")

    @staticmethod
    def _is_record(name: str) -> bool:
        return PARAMETERS[name].foreign is not None

    def _ask(self, row: Row, choose: Choose) -> TestResponse:
        rule = self.rules[row.endpoint, row.method]
        built = rule.build({name: choose(name, self.world) for name in rule.arguments})
        assert built is not None, f"no address can be made for {rule}"
        client = self.client
        if row.endpoint == "auth.sign_out":
            client = signed_in(self.app, self.make.user(role=self.role))
        return client.open(built[1], method=row.method, buffered=True)

    def _renew(self) -> None:
        self.world = build(self.make, self.role)
        self.client: FlaskClient = signed_in(self.app, self.world.viewer)


@pytest.fixture(params=list(Role), ids=str)
def walk(request: pytest.FixtureRequest, app: Flask, make: Make) -> Walk:
    make.user(role=Role.ADMINISTRATOR)
    return Walk(app, make, request.param)


def test_each_role_reaches_what_it_may_and_nothing_else(walk: Walk) -> None:
    for row in TABLE:
        status = walk.own(row).status_code
        if walk.may(row):
            is_done = status < 400 or status == 422 or status in row.answers
            walk.expect(row, is_done, f"may, and is answered {status}; where that is right, name it in `answers`")
        else:
            refusal = 401 if row.who == API_KEY else 403
            walk.expect(row, status == refusal, f"may not, and is answered {status}")
    assert "\n".join(walk.wrong) == ""


@pytest.mark.parametrize("why", ["foreign", "restricted"])
def test_what_is_hidden_is_as_if_it_were_not_there(walk: Walk, count_queries: list[str], why: str) -> None:
    for row in TABLE:
        count_queries.clear()
        hidden = walk.hidden(row, why)
        if hidden is None or sees_everything(walk.role):
            continue
        queries = len(count_queries)
        count_queries.clear()
        missing = walk.missing(row)
        walk.expect(row, hidden.status_code == (404 if walk.may(row) else 403), f"{why}: {hidden.status_code}")
        walk.expect(row, _plain(hidden) == _plain(missing), f"{why}: the answer differs from that of a missing record")
        walk.expect(
            row, queries == len(count_queries), f"{why}: {queries} queries, {len(count_queries)} for a missing one"
        )
    assert "\n".join(walk.wrong) == ""


def test_whoever_is_not_signed_in_reaches_only_what_is_for_anybody(app: Flask, make: Make) -> None:
    walk, wrong = Walk(app, make, Role.ADMINISTRATOR), []
    walk.client = app.test_client()
    for row in TABLE:
        if row.endpoint == "auth.sign_out":
            continue  # which leads there, whoever asks
        answer = walk.own(row)
        is_sent_to_sign_in = answer.status_code == 302 and answer.location.startswith("/sign-in")
        is_refused = answer.status_code == 401 if row.who == API_KEY else is_sent_to_sign_in
        if is_refused == (row.who == PUBLIC):
            wrong.append(f"{row.method} {row.endpoint}: {answer.status_code} {answer.location or ''}")
        walk.client = app.test_client()
    assert "\n".join(wrong) == ""


def _plain(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, _TOKEN.sub("TOKEN", answer.get_data(as_text=True))
