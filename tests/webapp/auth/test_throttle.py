"""Too many failed attempts: nobody is let in for a while."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from redis import Redis
from redis.exceptions import ConnectionError
from werkzeug.exceptions import TooManyRequests

from tests.conftest import signed_in
from tests.support.factories import PASSWORD, Make
from webapp.auth import accounts, throttle
from webapp.extensions import limiter
from webapp.models import User
from webapp.models.base import DbSession

from .forms import is_signed_in, set_up, sign_in


@pytest.fixture(autouse=True)
def redis_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what another test did to Redis, and what is counted in memory."""
    memory = FixedWindowRateLimiter(MemoryStorage())
    monkeypatch.setattr(throttle, "_counts_in_memory", lambda: memory)
    monkeypatch.setattr(throttle, "_redis", throttle._Redis())


def test_after_five_failures_even_the_right_password_is_refused(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    failures = [sign_in(client, "ada@msp.example", "wrong").status_code for _ in range(5)]
    refused = sign_in(client, "ada@msp.example")
    assert failures == [401] * 5
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert re.search(r"Try again in (\d+|a) (minutes|minute|seconds)", refused.text)
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "spelling", ["ada@ｍsp.example", "ada@msp。example", "ADA@MSP.example ", "ada@XN--MNCHEN-3YA.example"]
)
def test_an_address_in_other_characters_has_no_attempts_of_its_own(
    client: FlaskClient, make: Make, spelling: str
) -> None:
    """Whoever can spell it in thousands of ways could guess as often."""
    address = accounts.normal_address(spelling)
    make.user(email=address)
    for _ in range(5):
        sign_in(client, address, "wrong")
    assert sign_in(client, spelling).status_code == 429


def test_a_clock_of_redis_that_was_set_back_locks_nobody_out_for_longer(
    client: FlaskClient, make: Make, redis_url: str
) -> None:
    make.user(email="ada@msp.example")
    for _ in range(5):
        sign_in(client, "ada@msp.example", "wrong")
    assert sign_in(client, "ada@msp.example").status_code == 429
    redis = Redis.from_url(redis_url)
    for key in redis.keys("LIMITS*"):
        redis.expire(key, 3 * 3600)
    assert sign_in(client, "ada@msp.example").status_code == 302


def test_guesses_from_elsewhere_keep_nobody_out_of_their_account(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    for _ in range(6):
        sign_in(client, "ada@msp.example", "wrong", visitor="192.0.2.1")
    assert sign_in(client, "ada@msp.example", visitor="192.0.2.1").status_code == 429
    assert sign_in(client, "ada@msp.example", visitor="192.0.2.2").status_code == 302


def test_an_account_takes_a_hundred_guesses_an_hour_from_all_places_together(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    for number in range(100):
        answer = sign_in(client, "ada@msp.example", "wrong", visitor=f"192.0.2.{number // 5}")
        assert answer.status_code == 401
    assert sign_in(client, "ada@msp.example", visitor="198.51.100.1").status_code == 429


def test_guesses_from_many_places_keep_nobody_out_where_they_signed_in_of_late(app: Flask, make: Make) -> None:
    make.user(email="ada@msp.example")
    home, another = "198.51.100.1", "198.51.100.2"
    assert sign_in(app.test_client(), "ada@msp.example", visitor=home).status_code == 302
    with app.test_request_context("/sign-in", environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        [of_account] = [limit for limit in throttle.of_sign_in("ada@msp.example") if limit.amount.amount == 100]
        for _ in range(100):
            throttle.count([of_account])
    assert sign_in(app.test_client(), "ada@msp.example", visitor=another).status_code == 429
    assert sign_in(app.test_client(), "ADA@msp.example", visitor=home).status_code == 302
    # There, too, nobody guesses more often than from anywhere else.
    answers = [sign_in(app.test_client(), "ada@msp.example", "wrong", visitor=home).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_an_address_in_other_letters_is_the_same_account(client: FlaskClient, make: Make) -> None:
    make.user()
    for _ in range(5):
        sign_in(client, "Ada@MSP.example", "wrong")
    assert sign_in(client, " ada@msp.example", "wrong").status_code == 429


def test_an_unknown_address_is_throttled_like_a_known_one(client: FlaskClient, make: Make) -> None:
    make.user()
    answers = [sign_in(client, "eve@msp.example", "wrong").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_other_accounts_are_not_held_up(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    for _ in range(6):
        sign_in(client, "eve@msp.example", "wrong")
    assert sign_in(client, "ada@msp.example").status_code == 302


def test_signing_in_costs_no_attempt(app: Flask, make: Make) -> None:
    make.user(email="ada@msp.example")
    assert [sign_in(app.test_client(), "ada@msp.example").status_code for _ in range(12)] == [302] * 12


def test_one_visitor_who_tries_many_accounts_is_refused_and_others_are_not(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    for number in range(30):
        sign_in(client, f"user{number}@msp.example", "wrong", visitor="192.0.2.1")
    assert sign_in(client, "ada@msp.example", visitor="192.0.2.1").status_code == 429
    assert sign_in(client, "ada@msp.example", visitor="192.0.2.2").status_code == 302


def test_a_line_s_many_ipv6_addresses_are_one_visitor(client: FlaskClient, make: Make) -> None:
    make.user()
    for number in range(30):
        sign_in(client, f"user{number}@msp.example", "wrong", visitor=f"2001:db8::{number:x}")
    assert sign_in(client, "x@msp.example", "wrong", visitor="2001:db8::ffff").status_code == 429
    assert sign_in(client, "x@msp.example", "wrong", visitor="2001:db8:0:1::1").status_code == 401


def test_ipv4_visitors_of_a_server_that_listens_for_both_are_not_one_visitor(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    for _ in range(5):
        sign_in(client, "ada@msp.example", "wrong", visitor="::ffff:192.0.2.1")
    assert sign_in(client, "ada@msp.example", visitor="::ffff:192.0.2.1").status_code == 429
    assert sign_in(client, "ada@msp.example", visitor="192.0.2.1").status_code == 429
    assert sign_in(client, "ada@msp.example", visitor="::ffff:192.0.2.2").status_code == 302


def test_of_guesses_sent_at_once_none_gets_through_after_five_wrong_ones(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guess was let in before the others had failed; its password is right, and it comes too late."""
    make.user(email="ada@msp.example")
    check = accounts.user_with_password

    def others_fail_meanwhile(session: object, address: str, password: str) -> object:
        for _ in range(5):
            throttle.count(throttle.of_sign_in(address))
        return check(session, address, password)  # type: ignore[arg-type]

    monkeypatch.setattr(accounts, "user_with_password", others_fail_meanwhile)
    client = app.test_client()
    assert sign_in(client, "ada@msp.example").status_code == 429
    assert not is_signed_in(client)


def test_twenty_failures_in_an_hour_are_too_many_however_slow(app: Flask) -> None:
    with app.test_request_context("/sign-in"):
        hourly = [limit for limit in throttle.of_sign_in("ada@msp.example") if limit.amount.get_expiry() == 3600]
        for _ in range(20):
            throttle.count(hourly)
        with pytest.raises(TooManyRequests):
            throttle.check(throttle.of_sign_in("ada@msp.example"))


def test_guessing_the_current_password_in_an_open_session_is_throttled_too(app: Flask, make: Make) -> None:
    user = make.user(email="ada@msp.example")
    client = signed_in(app, user)
    form = {"current": "wrong", "password": "another password", "repeated": "another password"}
    assert [client.post("/account/password", data=form).status_code for _ in range(6)] == [422] * 5 + [429]
    assert client.post("/account/password", data={**form, "current": PASSWORD}).status_code == 429


def test_of_guesses_at_the_current_password_sent_at_once_none_gets_through_after_too_many_wrong_ones(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = accounts.user_with_password

    def wrong_ones_meanwhile(session: DbSession, address: str, password: str) -> User | None:
        for _ in range(5):
            throttle.count(throttle.of_sign_in(address))
        return checks(session, address, password)

    monkeypatch.setattr(accounts, "user_with_password", wrong_ones_meanwhile)
    form = {"current": PASSWORD, "password": "another password", "repeated": "another password"}
    assert signed_in(app, make.user()).post("/account/password", data=form).status_code == 429


def test_guessing_the_setup_code_is_throttled(client: FlaskClient) -> None:
    assert [set_up(client, "0000-0000").status_code for _ in range(11)] == [422] * 10 + [429]


def test_people_can_sign_in_and_guesses_are_counted_while_redis_is_down(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def __getattr__(self, name: str) -> None:
            raise ConnectionError

    monkeypatch.setattr(limiter, "_limiter", Gone())
    make.user(email="ada@msp.example")
    assert sign_in(app.test_client(), "ada@msp.example").status_code == 302
    answers = [sign_in(app.test_client(), "eve@msp.example", "wrong").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_a_redis_that_hangs_holds_up_one_question_and_no_other(
    app: Flask, make: Make, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    counts, now = limiter.limiter, time.monotonic()

    class Hanging:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            return getattr(counts, name)

    monkeypatch.setattr(limiter, "_limiter", Hanging())
    monkeypatch.setattr(throttle, "monotonic", lambda: now)
    make.user(email="ada@msp.example")
    process_id = Redis.from_url(redis_url).info()["process_id"]
    os.kill(process_id, signal.SIGSTOP)
    try:
        answers = [sign_in(app.test_client(), "ada@msp.example").status_code for _ in range(3)]
    finally:
        os.kill(process_id, signal.SIGCONT)
    assert answers == [302] * 3
    # Who asked it for everything would wait for its time-out each time.
    assert len(asked) == 1


def test_a_redis_that_failed_is_asked_again_after_a_while(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Gone:
        def __getattr__(self, name: str) -> None:
            asked.append(name)
            raise ConnectionError

    monkeypatch.setattr(limiter, "_limiter", Gone())
    make.user(email="ada@msp.example")
    now = time.monotonic()
    monkeypatch.setattr(throttle, "monotonic", lambda: now)
    for _ in range(2):
        assert sign_in(app.test_client(), "ada@msp.example").status_code == 302
    assert len(asked) == 1
    monkeypatch.setattr(throttle, "monotonic", lambda: now + 11)
    assert sign_in(app.test_client(), "ada@msp.example").status_code == 302
    assert len(asked) == 2


def test_what_a_proxy_made_up_as_the_visitor_s_address_does_no_harm(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    assert sign_in(client, "ada@msp.example", visitor="unknown").status_code == 302
