"""The Graph client, against the sandbox over TLS."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.microsoft import graph as graph_module
from jobs.microsoft.errors import AccessDenied, BadAnswer, Refused, ServerFailed, Throttled
from jobs.microsoft.graph import GraphClient
from jobs.microsoft.page import Ask, Page
from jobs.microsoft.reply import Reply
from jobs.microsoft.signin import SignIn
from jobs.microsoft.transport import Answer, Transport
from sandbox import Fault, Sandbox, Sku, Tenant
from tests.jobs.raw_server import answer, raw_server
from tests.support.microsoft import sandbox_tenant

Of = Callable[..., GraphClient]

MIX = tuple(Sku.of(part_number, 10, 5) for part_number in ("SPE_E3", "SPE_E5", "SPB", "POWER_BI_PRO", "VISIOCLIENT"))


def skus(graph: GraphClient) -> list[Any]:
    return graph.all("/subscribedSkus", "skuId,skuPartNumber", "LicenseAssignment.Read.All")


def counts(sandbox: Sandbox, tenant: Tenant) -> dict[str, int]:
    """How often each route was asked for."""
    found: dict[str, int] = {}
    for entry in sandbox.requests(tenant.tenant_id)["requests"]:
        found[entry["route"]] = found.get(entry["route"], 0) + 1
    return found


def test_a_collection_is_read_in_one_request_with_only_what_is_needed(shared_sandbox: Sandbox, graph: Of) -> None:
    tenant = sandbox_tenant(shared_sandbox, skus=MIX)
    found = skus(graph(tenant))
    assert {sku["skuPartNumber"] for sku in found} == {sku.part_number for sku in MIX}
    assert "consumedUnits" not in found[0]
    assert counts(shared_sandbox, tenant) == {"openid": 1, "token": 1, "subscribedSkus": 1}


def test_all_pages_are_read(shared_sandbox: Sandbox, graph: Of) -> None:
    tenant = sandbox_tenant(shared_sandbox, skus=MIX, page_size=2)
    assert len(skus(graph(tenant))) == 5
    assert counts(shared_sandbox, tenant)["subscribedSkus"] == 3


def test_pages_without_end_are_given_up(shared_sandbox: Sandbox, graph: Of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "MAX_PAGES", 3)
    tenant = sandbox_tenant(shared_sandbox, skus=MIX, page_size=1)
    with pytest.raises(BadAnswer, match="more than 3 pages"):
        skus(graph(tenant))
    assert counts(shared_sandbox, tenant)["subscribedSkus"] == 3


@pytest.mark.parametrize("times", [None, 2])
def test_a_list_with_a_page_that_comes_again_is_not_believed_whether_it_ends_or_not(
    times: int | None, shared_sandbox: Sandbox, graph: Of
) -> None:
    fault = Fault("subscribedSkus", "endless_pages", times=times)
    tenant = sandbox_tenant(shared_sandbox, skus=MIX, page_size=2, faults=(fault,))
    with pytest.raises(BadAnswer, match="the same page twice"):
        skus(graph(tenant))
    assert counts(shared_sandbox, tenant)["subscribedSkus"] == 2


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_next_page_on_another_server_is_not_asked_for(
    scheme: str, shared_sandbox: Sandbox, graph: Of, tmp_path: Path
) -> None:
    with raw_server(tmp_path, lambda connection: connection.sendall(answer(b"{}"))) as attacker:
        host = attacker.url.removeprefix("https://")
        fault = Fault("subscribedSkus", "foreign_next_link", host=host if scheme == "https" else "graph.test")
        tenant = sandbox_tenant(shared_sandbox, faults=(fault,))
        with pytest.raises(BadAnswer, match="another server"):
            skus(graph(tenant))
        assert attacker.connections == 0


@pytest.mark.parametrize("link", [7, {}, "", "/v1.0/subscribedSkus", "//127.0.0.1/x", "http://127.0.0.1", "file:///x"])
def test_a_link_that_is_none_is_not_followed(link: Any, tmp_path: Path) -> None:
    sent = answer(f'{{"value": [], "@odata.nextLink": {repr(link).replace(chr(39), chr(34))}}}'.encode())
    with raw_server(tmp_path, lambda connection: connection.sendall(sent)) as server:
        client = GraphClient(server.url, _Token(), Transport(server.ca_bundle))
        with pytest.raises(BadAnswer, match="next page"):
            skus(client)
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    "spelled", ["https:\n//{}/v1.0/x", "\x01https://{}/v1.0/x", "https://{}/v1.0/\t", "https://{}/é"]
)
def test_a_link_that_is_no_address_is_not_followed(spelled: str, tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        link = spelled.format(server.url.removeprefix("https://"))
        connection.sendall(answer(json.dumps({"value": [], "@odata.nextLink": link}).encode()))

    with raw_server(tmp_path, serve) as server:
        with pytest.raises(BadAnswer, match="no address"):
            skus(GraphClient(server.url, _Token(), Transport(server.ca_bundle)))
        assert len(server.heads) == 1


def test_a_list_with_an_error_beside_it_is_not_believed_and_the_error_is_told(tmp_path: Path) -> None:
    told = {"value": [], "error": {"code": "serviceNotAvailable", "message": "It broke off midway."}}
    with raw_server(tmp_path, lambda connection: connection.sendall(answer(json.dumps(told).encode()))) as server:
        with pytest.raises(Refused, match="It broke off midway") as caught:
            skus(GraphClient(server.url, _Token(), Transport(server.ca_bundle)))
        assert caught.value.problem.code == "serviceNotAvailable"


class _Token(SignIn):
    """A sign-in that has its token already."""

    def __init__(self) -> None:
        self.acts_for_user = False

    def token(self) -> str:
        return "a-token"


@pytest.fixture
def _no_batch_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for kept in ("_refused_until", "_in_a_row"):
        monkeypatch.setattr(f"jobs.microsoft.batch.{kept}", {})


def asks_in_a_batch(sandbox: Sandbox, graph: Of, tenant: Tenant) -> bool:
    sandbox.reset_requests(tenant.tenant_id)
    graph(tenant).together([Ask("/organization?$select=id", ""), Ask("/subscribedSkus?$select=skuId", "")])
    return "batch" in counts(sandbox, tenant)


@pytest.mark.usefixtures("_no_batch_was_refused")
def test_a_tenant_of_which_batches_are_refused_is_asked_without_and_no_other_is(
    shared_sandbox: Sandbox, graph: Of
) -> None:
    refusing = sandbox_tenant(shared_sandbox, faults=(Fault("batch", "bad_request"),))
    other = sandbox_tenant(shared_sandbox)
    assert [asks_in_a_batch(shared_sandbox, graph, refusing) for _ in range(2)] == [True, False]
    assert asks_in_a_batch(shared_sandbox, graph, other)
    assert not asks_in_a_batch(shared_sandbox, graph, refusing)


@pytest.mark.usefixtures("_no_batch_was_refused")
def test_a_server_that_refuses_the_batches_of_two_tenants_in_a_row_is_asked_without(
    shared_sandbox: Sandbox, graph: Of
) -> None:
    refusing = [sandbox_tenant(shared_sandbox, faults=(Fault("batch", "bad_request"),)) for _ in range(3)]
    assert [asks_in_a_batch(shared_sandbox, graph, tenant) for tenant in refusing] == [True, True, False]


def test_a_token_that_ended_midway_is_renewed_once(shared_sandbox: Sandbox, graph: Of) -> None:
    fault = Fault("subscribedSkus", "unauthorized", times=1, after=1)
    tenant = sandbox_tenant(shared_sandbox, skus=MIX, page_size=2, faults=(fault,))
    assert len(skus(graph(tenant))) == 5
    assert counts(shared_sandbox, tenant) == {"openid": 1, "token": 2, "subscribedSkus": 4}


def test_a_token_that_is_never_accepted_is_renewed_once_only(shared_sandbox: Sandbox, graph: Of) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault("subscribedSkus", "unauthorized"),))
    with pytest.raises(Refused, match="did not accept the sign-in"):
        skus(graph(tenant))
    assert counts(shared_sandbox, tenant) == {"openid": 1, "token": 2, "subscribedSkus": 2}


def test_a_fault_after_the_renewal_renews_no_further(shared_sandbox: Sandbox, graph: Of) -> None:
    faults = (Fault("subscribedSkus", "unauthorized", times=1), Fault("subscribedSkus", "server_error", times=2))
    tenant = sandbox_tenant(shared_sandbox, faults=faults)
    assert len(skus(graph(tenant))) == 1
    assert counts(shared_sandbox, tenant) == {"openid": 1, "token": 2, "subscribedSkus": 4}


@pytest.mark.parametrize("kind", ["not_json", "bad_json", "wrong_shape"])
def test_an_answer_that_is_not_a_list_of_values_is_not_believed(kind: str, shared_sandbox: Sandbox, graph: Of) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault("subscribedSkus", kind),))
    with pytest.raises(BadAnswer, match="documentation"):
        skus(graph(tenant))


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"7", b'{"value": null}', b'{"value": {}}', b"\xff\xfe", b"NaN"])
def test_json_of_another_shape_is_not_believed(body: bytes, tmp_path: Path) -> None:
    with raw_server(tmp_path, lambda connection: connection.sendall(answer(body))) as server:
        client = GraphClient(server.url, _Token(), Transport(server.ca_bundle))
        with pytest.raises(BadAnswer):
            skus(client)


def test_json_nested_without_end_is_not_believed(tmp_path: Path) -> None:
    deep = answer(b"[" * 200_000)
    with raw_server(tmp_path, lambda connection: connection.sendall(deep)) as server:
        client = GraphClient(server.url, _Token(), Transport(server.ca_bundle))
        with pytest.raises(BadAnswer):
            skus(client)


def test_an_answer_that_was_cut_off_while_it_was_packed_is_asked_for_again(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"value": [{"skuId": "1"}, {"skuId": "2"}]}')
    answers = iter([whole[:-20], whole])
    packed = "Content-Encoding: gzip\r\n"
    with raw_server(tmp_path, lambda connection: connection.sendall(answer(next(answers), packed))) as server:
        client = GraphClient(server.url, _Token(), Transport(server.ca_bundle), sleep=lambda seconds: None)
        assert len(skus(client)) == 2


def test_garbage_that_was_packed_whole_is_not_believed_and_not_asked_for_again(tmp_path: Path) -> None:
    garbage = answer(gzip.compress(b'{"value": [{"sku'), "Content-Encoding: gzip\r\n")
    with raw_server(tmp_path, lambda connection: connection.sendall(garbage)) as server:
        with pytest.raises(BadAnswer):
            skus(GraphClient(server.url, _Token(), Transport(server.ca_bundle)))
        assert len(server.heads) == 1


def test_a_missing_permission_is_named(shared_sandbox: Sandbox, graph: Of) -> None:
    tenant = sandbox_tenant(shared_sandbox, permissions=("User.Read.All",))
    with pytest.raises(AccessDenied, match=r"LicenseAssignment\.Read\.All") as caught:
        skus(graph(tenant))
    assert caught.value.problem.request_id


@pytest.mark.parametrize("kind", ["server_error", "unavailable", "gateway_timeout", "drop"])
def test_a_passing_fault_is_waited_out(kind: str, shared_sandbox: Sandbox, graph: Of) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault("subscribedSkus", kind, times=2),))
    assert len(skus(graph(tenant))) == 1


def test_a_fault_that_stays_is_handed_on(shared_sandbox: Sandbox, graph: Of) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault("subscribedSkus", "server_error"),))
    with pytest.raises(ServerFailed, match="HTTP 500"):
        skus(graph(tenant))
    assert counts(shared_sandbox, tenant)["subscribedSkus"] == 3


def test_a_long_wait_is_handed_on(shared_sandbox: Sandbox, graph: Of) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault("subscribedSkus", "throttle", retry_after=60),))
    with pytest.raises(Throttled) as caught:
        skus(graph(tenant))
    assert caught.value.seconds == 60
    assert counts(shared_sandbox, tenant)["subscribedSkus"] == 1


def test_a_redirect_is_refused_and_the_token_stays_here(tmp_path: Path) -> None:
    def elsewhere(connection: socket.socket) -> None:
        connection.sendall(answer(b"", "Location: https://attacker.example/\r\n", "307 Temporary Redirect"))

    with raw_server(tmp_path, elsewhere) as server:
        client = GraphClient(server.url, _Token(), Transport(server.ca_bundle))
        with pytest.raises(Refused, match="HTTP 307"):
            skus(client)
        assert len(server.heads) == 1


@pytest.mark.parametrize("first", ["{}", "\\u{:04x}"], ids=["as it is", "with an escape"])
def test_no_error_shows_the_token_even_where_the_other_side_repeats_it(first: str, tmp_path: Path) -> None:
    def repeat(connection: socket.socket) -> None:
        token = server.heads[-1].partition("Bearer ")[2].split()[0]
        spelled = first.format(token[0] if first == "{}" else ord(token[0])) + token[1:]
        told = f'{{"error": {{"code": "{spelled}", "message": "Bearer {spelled} is no good."}}}}'
        connection.sendall(answer(told.encode(), f"request-id: {token}\r\n", "400 Bad Request"))

    with raw_server(tmp_path, repeat) as server:
        with pytest.raises(Refused, match="no good") as caught:
            skus(GraphClient(server.url, _Token(), Transport(server.ca_bundle)))
        assert _Token().token() in server.heads[0]
        assert _Token().token() not in f"{caught.value} {caught.value.problem}"


def test_a_list_that_is_nested_too_deeply_to_be_compared_is_a_bad_answer(tmp_path: Path) -> None:
    def nested(connection: socket.socket) -> None:
        link = json.dumps(f"{server.url}/v1.0/subscribedSkus?$skiptoken=1")
        connection.sendall(answer(f'{{"value":[{"[" * 990}{"]" * 990}],"@odata.nextLink":{link}}}'.encode()))

    with raw_server(tmp_path, nested) as server, pytest.raises(BadAnswer, match=r"nested too deeply|same page twice"):
        skus(GraphClient(server.url, _Token(), Transport(server.ca_bundle)))


@pytest.mark.parametrize("base", ["https://graph.example", "https://Graph.Example:443"])
@pytest.mark.parametrize("spelled", ["graph.example", "GRAPH.Example", "graph.example:443", "graph.example:"])
def test_a_link_leads_to_the_same_server_however_that_is_spelled(base: str, spelled: str) -> None:
    client, page = _client_and_page(base)
    link = f"HTTPS://{spelled}/v1.0/users/delta?$deltatoken=Ab%20c#x"
    assert client.path_of(page, link) == "/users/delta?$deltatoken=Ab%20c"


@pytest.mark.parametrize(
    "spelled",
    [
        "graph.example:444",
        "graph.example:0",
        "graph.example:x",
        "me@graph.example",
        ":@graph.example",
        "graph.example.",
    ],
)
def test_a_link_to_another_port_or_for_a_user_leads_elsewhere(spelled: str) -> None:
    client, page = _client_and_page("https://graph.example")
    with pytest.raises(BadAnswer, match="another server"):
        client.path_of(page, f"https://{spelled}/v1.0/users/delta?$deltatoken=a")


def _client_and_page(base: str) -> tuple[GraphClient, Page]:
    return GraphClient(base, _Token(), Transport(None)), Page(Ask("/users", ""), {}, Reply(Answer(200, {}, b""), {}))


@pytest.mark.parametrize("character", ["\x00", "\ud800", "\n", "é"])
def test_a_link_that_is_no_address_is_not_kept(character: str, shared_sandbox: Sandbox, graph: Of) -> None:
    client = graph(sandbox_tenant(shared_sandbox))
    page = client.page(Ask("/subscribedSkus", "LicenseAssignment.Read.All"))
    with pytest.raises(BadAnswer, match="no address"):
        client.path_of(page, f"{shared_sandbox.url}/v1.0/users/delta?$deltatoken=a{character}b")
