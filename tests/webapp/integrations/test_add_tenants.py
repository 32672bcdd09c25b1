"""The page on which many tenants are added to an integration, and the page of their answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from jobs import queue
from tests.conftest import signed_in
from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.integrations import adding
from webapp.integrations.adding import CannotAdd, lines_of
from webapp.models import (
    AdditionLine,
    AuditEntry,
    Integration,
    Kind,
    LineState,
    Problem,
    Role,
    TenantAddition,
    utc_now,
)

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"


@pytest.fixture
def enqueued(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the lists that were enqueued; each was committed before."""
    found: list[int] = []

    def add_tenants(addition_id: int) -> None:
        assert not db.session().in_transaction()
        found.append(addition_id)

    monkeypatch.setattr(queue, "add_tenants", add_tenants)
    return found


@in_turn
def answered(integration: Integration, **lines: LineState) -> TenantAddition:
    addition = TenantAddition.begin(db.session, integration.id, [], "ann@msp.example")
    addition.finished_at = utc_now()
    for text, state in lines.items():
        db.session.add(AdditionLine(addition_id=addition.id, text=text, state=state))
    db.session.commit()
    return addition


def address(integration: Integration, addition: TenantAddition | None = None) -> str:
    path = f"/account/integrations/{integration.id}/tenants/add"
    return path if addition is None else f"{path}/{addition.id}"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a.example\nb.example", ["a.example", "b.example"]),
        ("a.example, b.example;c.example d.example\te.example", [f"{letter}.example" for letter in "abcde"]),
        ("\r\n\r\n  a.example  \r\n\r\n", ["a.example"]),
        ("A.example\na.EXAMPLE\n\ufeffa.example", ["a.example"]),
        (f'{{{GUID.upper()}}}\n"{GUID}"', [GUID]),
        ("no\x00pe", ["nope"]),
    ],
)
def test_what_was_pasted_is_one_entry_a_tenant(text: str, lines: Sequence[str]) -> None:
    assert lines_of(text) == lines


@pytest.mark.parametrize("text", ["", "  \n ", ",;", "\u200b"])
def test_nothing_pasted_is_told(text: str) -> None:
    with pytest.raises(CannotAdd, match="at least one"):
        lines_of(text)


def test_a_list_is_recorded_and_enqueued_and_its_page_shown(
    make: Make, as_administrator: FlaskClient, enqueued: list[int]
) -> None:
    integration = make.integration(name="Direct")
    answer = as_administrator.post(address(integration), data={"tenants": f"{GUID}\nnot a tenant\nhttps://x.example/y"})
    addition = db.session.query(TenantAddition).one()
    assert answer.status_code == 303
    assert answer.location == address(integration, addition)
    assert enqueued == [addition.id]
    lines = db.session.query(AdditionLine).order_by(AdditionLine.id)
    assert [(line.text, line.state.value) for line in lines] == [
        (GUID, "waiting"),
        ("not", "not_a_tenant"),
        ("a", "not_a_tenant"),
        ("tenant", "not_a_tenant"),
        ("https://x.example/y", "not_a_tenant"),
    ]
    assert db.session.query(AuditEntry).one().event == "Asked to add 5 tenants to Direct"
    page = as_administrator.get(answer.location).text
    assert "4 of 5 asked" in page
    assert "This is a web address" in page
    assert 'hx-trigger="poll"' in page


def test_too_many_lines_are_refused_and_still_there(
    make: Make, as_administrator: FlaskClient, enqueued: list[int]
) -> None:
    integration = make.integration()
    text = "\n".join(f"{number:08x}-86f1-41af-91ab-2d7cd011db47" for number in range(100_000))
    answer = as_administrator.post(address(integration), data={"tenants": text})
    assert answer.status_code == 422
    assert "100,000 tenants" in answer.text
    assert "no more than 1,000" in answer.text
    assert "0001869f-86f1-41af-91ab-2d7cd011db47" in answer.text
    assert db.session.query(TenantAddition).count() == 0
    assert enqueued == []


def test_as_many_as_may_be_are_taken(make: Make, as_administrator: FlaskClient, enqueued: list[int]) -> None:
    integration = make.integration()
    text = "\n".join(f"t{number}.example" for number in range(adding.MOST))
    assert as_administrator.post(address(integration), data={"tenants": text}).status_code == 303
    assert db.session.query(AdditionLine).count() == adding.MOST


def test_a_name_that_goes_on_for_ever_is_no_tenant_and_is_cut(
    make: Make, as_administrator: FlaskClient, enqueued: list[int]
) -> None:
    integration = make.integration()
    as_administrator.post(address(integration), data={"tenants": "x" * 5_000})
    line = db.session.query(AdditionLine).one()
    assert (line.state, len(line.text)) == (LineState.NOT_A_TENANT, 253)


def test_without_a_queue_the_list_waits_for_the_sweep(
    make: Make, as_administrator: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*args: object) -> None:
        raise queue.QueueUnavailable

    monkeypatch.setattr(queue, "add_tenants", unavailable)
    monkeypatch.setattr(queue, "workers_by_queue", unavailable)
    integration = make.integration()
    answer = as_administrator.post(address(integration), data={"tenants": GUID}, follow_redirects=True)
    assert answer.status_code == 200
    assert "The job queue cannot be reached" in answer.text


def test_an_answer_that_lacks_consent_has_the_address_of_that_tenants(
    make: Make, as_administrator: FlaskClient
) -> None:
    integration = make.integration(client_id="11112222-bbbb-3333-cccc-4444dddd5555")
    addition = answered(integration, **{"contoso.example": LineState.NO_CONSENT})
    page = as_administrator.get(address(integration, addition)).text
    url = (
        "https://login.microsoftonline.com/contoso.example/adminconsent?client_id=11112222-bbbb-3333-cccc-4444dddd5555"
    )
    assert f'value="{url}"' in page
    assert "Ask again about 1" in page


def test_a_list_with_all_answers_asks_no_more_and_can_be_filtered(make: Make, as_administrator: FlaskClient) -> None:
    integration = make.integration()
    addition = answered(integration, good=LineState.ADDED, bad=LineState.NOT_A_TENANT)
    page = as_administrator.get(address(integration, addition)).text
    assert "hx-trigger" not in page
    assert "1 of 2 tenants added" in page
    told = as_administrator.get(f"{address(integration, addition)}?seen=working", headers=HTMX).text
    assert 'id="addition-said" hx-swap-oob="innerHTML">1 of 2 tenants added.' in told
    only = as_administrator.get(f"{address(integration, addition)}?state=added").text
    assert '<code class="break-anywhere">good</code>' in only
    assert '<code class="break-anywhere">bad</code>' not in only
    assert as_administrator.get(f"{address(integration, addition)}?state=nonsense&page=9").status_code == 200


def test_asking_again_lets_what_was_not_added_wait_again(
    make: Make, as_administrator: FlaskClient, enqueued: list[int]
) -> None:
    integration = make.integration()
    addition = answered(integration, good=LineState.ADDED, bad=LineState.NO_CONSENT, there=LineState.PRESENT)
    answer = as_administrator.post(f"{address(integration, addition)}/retry")
    assert answer.location == address(integration, addition)
    lines = db.session.query(AdditionLine).order_by(AdditionLine.id)
    assert [line.state.value for line in lines] == ["added", "waiting", "present"]
    assert enqueued == [addition.id]
    as_administrator.post(f"{address(integration, addition)}/retry")
    assert enqueued == [addition.id]


def test_what_cannot_be_a_tenant_is_never_asked_about(
    make: Make, as_administrator: FlaskClient, enqueued: list[int]
) -> None:
    integration = make.integration()
    as_administrator.post(address(integration), data={"tenants": "not/one"})
    addition = db.session.query(TenantAddition).one()
    addition.finished_at = utc_now()
    db.session.commit()
    enqueued.clear()
    assert "Ask again" not in as_administrator.get(address(integration, addition)).text
    as_administrator.post(f"{address(integration, addition)}/retry")
    assert db.session.query(AdditionLine).one().state == LineState.NOT_A_TENANT
    assert enqueued == []


def test_a_partner_takes_no_tenants_by_hand(make: Make, as_administrator: FlaskClient, enqueued: list[int]) -> None:
    integration = make.integration(kind=Kind.PARTNER)
    for answer in (
        as_administrator.get(address(integration), follow_redirects=True),
        as_administrator.post(address(integration), data={"tenants": GUID}, follow_redirects=True),
    ):
        assert "its customers are found by themselves" in answer.text
    assert db.session.query(TenantAddition).count() == 0


def test_the_list_of_another_integration_is_not_there(make: Make, as_administrator: FlaskClient) -> None:
    addition = answered(make.integration(), good=LineState.ADDED)
    other = make.integration()
    assert as_administrator.get(address(other, addition)).status_code == 404
    assert as_administrator.post(f"{address(other, addition)}/retry").status_code == 404


@pytest.mark.parametrize("role", [Role.EDITOR, Role.CREATOR, Role.LITE, Role.READ_ONLY])
def test_who_does_not_manage_integrations_adds_nothing(app: Flask, make: Make, enqueued: list[int], role: Role) -> None:
    integration = make.integration()
    addition = answered(integration, good=LineState.ADDED)
    client = signed_in(app, make.user(role=role))
    assert client.get(address(integration)).status_code == 403
    assert client.get(address(integration, addition)).status_code == 403
    assert client.post(address(integration), data={"tenants": GUID}).status_code == 403
    assert enqueued == []


def test_names_and_reasons_are_escaped(make: Make, as_administrator: FlaskClient) -> None:
    integration = make.integration()
    addition = answered(integration, **{"<i>x</i>": LineState.REFUSED})
    line = db.session.query(AdditionLine).one()
    line.tenant_name, line.held_by = "<b>name</b>", ""
    line.explain(Problem("<script>1</script>", "<u>fix</u>", "<code>", "<id>"))
    db.session.commit()
    page = as_administrator.get(address(integration, addition)).text
    for raw in ("<i>x</i>", "<b>name</b>", "<script>1</script>", "<u>fix</u>", "<id>"):
        assert raw not in page
        assert str(escape(raw)) in page


def test_a_page_of_answers_takes_as_many_queries_however_many_lines_there_are(
    make: Make, as_administrator: FlaskClient, count_queries: list[str]
) -> None:
    integration = make.integration()
    few = answered(integration, **{f"t{number}.example": LineState.ADDED for number in range(2)})
    many = answered(integration, **{f"t{number}.example": LineState.NO_CONSENT for number in range(90)})
    counts = []
    for addition in (few, many):
        url = address(integration, addition)
        count_queries.clear()
        as_administrator.get(url)
        counts.append(len(count_queries))
    assert counts[0] == counts[1]


def test_the_menu_and_the_tenants_page_lead_there_for_a_direct_integration_only(
    make: Make, as_administrator: FlaskClient
) -> None:
    direct, partner = make.integration(), make.integration(kind=Kind.PARTNER)
    index = as_administrator.get("/account/integrations").text
    assert f'href="{address(direct)}"' in index
    assert f'href="{address(partner)}"' not in index
    assert f'href="{address(direct)}"' in as_administrator.get(f"/account/integrations/{direct.id}/tenants").text
    assert f'href="{address(partner)}"' not in as_administrator.get(f"/account/integrations/{partner.id}/tenants").text


def test_earlier_lists_are_offered(make: Make, as_administrator: FlaskClient) -> None:
    integration = make.integration()
    addition = answered(integration, good=LineState.ADDED, bad=LineState.REFUSED)
    page = as_administrator.get(address(integration)).text
    assert address(integration, addition) in page
    assert "2 tenants, 1 added" in page


def test_where_all_who_would_ask_are_cut_off_the_list_says_so(
    make: Make, as_administrator: FlaskClient, enqueued: list[int]
) -> None:
    queue.report_worker("cut off")
    queue.report_reached("cut off", [], [], has_database=False)
    answer = as_administrator.post(address(make.integration()), data={"tenants": GUID}, follow_redirects=True)
    assert "All workers are cut off" in answer.text
