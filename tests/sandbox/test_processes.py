"""Several serving processes on one port, and very many users: what measuring needs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from sandbox import Control, ControlError, Fault, Generated, Sandbox, Tenant, documented_tenant, generate
from tests.sandbox.client import Client
from tests.sandbox.processes import refusal, running
from tests.support.waiting import eventually

MADE = Generated(count=2, seed=9, users_per_tenant=300, one_app=True)


@pytest.fixture(scope="module")
def several() -> Iterator[Sandbox]:
    with Sandbox(generated=MADE, processes=2) as service:
        yield service


def client_of(service: Sandbox, session: requests.Session) -> Client:
    session.trust_env = False
    session.verify = str(service.ca_bundle)
    return Client(service.url, session)


def tenants() -> list[Tenant]:
    return generate(MADE.seed, MADE.count, MADE.users_per_tenant, one_app=MADE.one_app)


def test_each_process_takes_the_tokens_of_the_others_and_all_are_counted_together(several: Sandbox) -> None:
    several.reset_counts()
    token, asked = "", 0
    # Whichever process takes a connection keeps it: so many are not all taken by one.
    for _ in range(40):
        with requests.Session() as session:
            client = client_of(several, session)
            token = token or client.token(tenants()[0])
            assert client.graph(token, "organization").status_code == 200
            asked += 1
    counts = several.counts()
    assert counts["http"] == asked + 1
    assert {row["endpoint"]: row["count"] for row in counts["counts"]} == {"organization": asked, "token": 1}


def test_delta_tokens_are_good_in_each_process(several: Sandbox) -> None:
    link = "users/delta?$deltatoken=latest"
    for _ in range(10):
        with requests.Session() as session:
            client = client_of(several, session)
            answer = client.graph(client.token(tenants()[1]), link)
            assert answer.status_code == 200
            link = answer.json()["@odata.deltaLink"].rpartition("/v1.0/")[2]


def test_nothing_can_be_changed_in_one_of_several_processes(several: Sandbox) -> None:
    tenant = tenants()[0]
    changes: list[Callable[[], object]] = [
        lambda: several.faults(tenant.tenant_id, Fault(on="any", kind="slow")),
        lambda: several.patch_tenant(tenant.tenant_id, display_name="Other"),
        lambda: several.throttle_app(tenant.client_id, 5),
        lambda: several.limits(app=5),
    ]
    for change in changes:
        with pytest.raises(ControlError, match="start with --processes 1"):
            change()
    with pytest.raises(ControlError, match="Single requests are not recorded"):
        several.requests()


def test_generated_tenants_have_as_many_users_as_asked_for_and_one_app(several: Sandbox) -> None:
    first, second = several.tenants()
    assert [first, second] == tenants()
    assert (first.client_id, first.secret) == (second.client_id, second.secret)
    assert len(several.users(second.tenant_id)) == 300


def test_where_one_process_ends_by_itself_all_end(tmp_path: Path) -> None:
    with running(tmp_path, "--documented", "--processes", "3") as process:
        children = psutil.Process(process.pid).children()
        assert len(children) == 3
        os.kill(children[0].pid, signal.SIGKILL)
        assert process.wait(60) == 1
        assert not any(child.is_running() for child in children)


def test_the_processes_end_with_the_one_that_forked_them(tmp_path: Path) -> None:
    with running(tmp_path, "--documented", "--processes", "2") as process:
        children = psutil.Process(process.pid).children()
        process.kill()
        eventually(lambda: not any(child.is_running() for child in children))


def test_what_one_process_keeps_cannot_be_had_with_several(tmp_path: Path) -> None:
    assert "need --processes 1" in refusal(tmp_path, "--processes", "2", "--app-limit", "100")
    assert "cannot be negative" in refusal(tmp_path, "--tenant-limit", "-1")


def test_the_record_can_be_short_or_off(tmp_path: Path) -> None:
    for kept, options in ((3, ("--journal", "3")), (0, ("--journal", "0"))):
        with running(tmp_path, "--documented", *options):
            control = Control.of(tmp_path)
            for _ in range(5):
                address = f"{control.url}/{documented_tenant().domains[0]}/v2.0/.well-known/openid-configuration"
                requests.get(address, verify=str(control.ca_bundle), timeout=10)
            assert control.counts()["http"] == 5
            if kept:
                assert control.requests()["total"] == kept
            else:
                with pytest.raises(ControlError, match="see counts"):
                    control.requests()
