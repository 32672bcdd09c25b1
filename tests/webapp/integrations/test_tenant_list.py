"""Match Tenants: the list, its filters, its suggestions, the search for an organization."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.webapp.integrations.matching import ALL, address, send, stored
from webapp.models import (
    OrganizationDomain,
    Removal,
    TenantState,
    utc_now,
)


def places(page: str, *texts: str) -> list[int]:
    return [page.index(text) for text in texts]


def test_tenants_are_listed_with_those_to_be_matched_first(as_administrator: FlaskClient, make: Make) -> None:
    integration, now = make.integration(), utc_now()
    make.tenant(integration=integration, name="A gone", gone_at=now)
    make.tenant(integration=integration, name="An ignored", ignored_at=now)
    make.tenant(integration=integration, name="A matched", organization=make.organization(name="Customer <1>"))
    unmatched = make.tenant(integration=integration, name="Unmatched <b>", default_domain="un.example")
    make.tenant(name="Somebody else's")
    page = as_administrator.get(address(integration)).text
    found = places(page, "Unmatched &lt;b&gt;</div>", ">A matched</div>", ">An ignored</div>", ">A gone</div>")
    assert found == sorted(found)
    for text in (unmatched.tenant_id, "un.example", "Customer &lt;1&gt;", "4 tenants"):
        assert text in page
    assert "Somebody else" not in page


def test_the_tenants_of_all_integrations_are_on_one_page(as_administrator: FlaskClient, make: Make) -> None:
    ours = make.tenant(name="Ours", integration=make.integration(name="First"))
    make.tenant(name="Theirs", integration=make.integration(name="Second"))
    removed = make.integration(name="Third", disconnected_at=utc_now(), removal=Removal.KEEP)
    make.tenant(name="Kept", integration=removed)
    page = as_administrator.get(ALL).text
    assert "Ours</div>" in page
    assert "Theirs</div>" in page
    assert "Kept</div>" not in page
    filtered = as_administrator.get(ALL, query_string={"integration": ours.integration_id}).text
    assert "Ours</div>" in filtered
    assert "Theirs</div>" not in filtered
    assert "Nothing matches" in as_administrator.get(ALL, query_string={"integration": "987654"}).text


def test_active_integrations_leads_there_with_the_number(as_administrator: FlaskClient, make: Make) -> None:
    make.tenant(organization=make.organization())
    make.tenant(ignored_at=utc_now())
    assert "unmatched</span>" not in as_administrator.get("/account/integrations").text
    make.tenant()
    page = as_administrator.get("/account/integrations").text
    assert f'href="{ALL}"' in page
    assert "1 unmatched" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "müller"}, {"MÜLLER"}),
        ({"q": "mail.example"}, {"Fabrikam"}),
        ({"q": "00000000-0000"}, {"MÜLLER", "Fabrikam", "Ignored"}),
        ({"q": "100%"}, set()),
        ({"state": "ignored"}, {"Ignored"}),
        ({"state": "unmatched", "q": "fab"}, {"Fabrikam"}),
        ({"state": "nonsense"}, {"MÜLLER", "Fabrikam", "Ignored"}),
        ({"page": "99999999999999999999", "q": "\x00"}, {"MÜLLER", "Fabrikam", "Ignored"}),
    ],
)
def test_tenants_are_searched_and_filtered(
    query: dict[str, str], found: set[str], as_administrator: FlaskClient, make: Make
) -> None:
    integration = make.integration()
    make.tenant(integration=integration, name="MÜLLER")
    make.tenant(integration=integration, name="Fabrikam", domains="fab.example\nmail.example")
    make.tenant(integration=integration, name="Ignored", ignored_at=utc_now())
    for where in (ALL, address(integration)):
        page = as_administrator.get(where, query_string=query).text
        assert {name for name in ("MÜLLER", "Fabrikam", "Ignored") if f"{name}</div>" in page} == found


def test_the_states_are_counted_whatever_state_is_chosen(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    for number in range(3):
        make.tenant(integration=integration, name=f"Unmatched {number}")
    make.tenant(integration=integration, ignored_at=utc_now())
    page = as_administrator.get(address(integration), query_string={"state": "ignored"}).text
    counted = dict(re.findall(r">(\w+)<span class=\"badge ms-2 [\w -]+\">(\d+)</span>", page))
    assert counted == {"All": "4", "Unmatched": "3", "Matched": "0", "Ignored": "1"}


def test_suggestions_stand_beside_their_reasons(as_administrator: FlaskClient, make: Make) -> None:
    organization = make.organization(name="Contoso Ltd")
    tenant = make.tenant(name="Contosso")
    page = as_administrator.get(address(tenant.integration)).text
    assert "alike name, 93 %" in page
    assert f'name="organization" value="{organization.id}"' in page


def test_several_of_one_name_are_offered_and_told_apart(as_administrator: FlaskClient, make: Make) -> None:
    first = make.organization(name="Twin", domains=[OrganizationDomain(domain="twin.example")])
    second = make.organization(name="Twin")
    tenant = make.tenant(name="Twin")
    page = as_administrator.get(address(tenant.integration)).text
    assert "2 organizations have this name: choose one." in page
    assert "Twin · twin.example" in page
    assert f"Twin · no. {second.id}" in page
    send(as_administrator, address(tenant, "/match"), organization=str(first.id))
    assert stored(tenant.id).organization_id == first.id


def test_an_exact_name_is_offered_and_nothing_is_matched_silently(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso")
    make.organization(name="Fabrikam Ltd")
    tenant, alike = make.tenant(name="CONTOSO"), make.tenant(name="Fabrikam")
    page = as_administrator.get(ALL).text
    assert "1 unmatched tenant has exactly the name of one organization" in page
    assert stored(tenant.id).state == stored(alike.id).state == TenantState.UNMATCHED


def test_an_organization_is_found_by_typing_also_without_script(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso Ltd", domains=[OrganizationDomain(domain="con.example")])
    make.organization(name="Contoso old", archived_at=utc_now())
    make.organization(name="Fabrikam")
    tenant = make.tenant()
    for typed in ("conToso", "con.example"):
        page = as_administrator.get(address(tenant, "/choose"), query_string={"find": typed}).text
        assert "Contoso Ltd" in page
        assert "Fabrikam" not in page
        assert "Contoso old" not in page
        assert "<html" in page
    swapped = as_administrator.get(address(tenant, "/choose"), headers=HTMX).text
    assert "Fabrikam" in swapped
    assert "<html" not in swapped


def test_of_thousands_of_organizations_the_first_are_listed(as_administrator: FlaskClient, make: Make) -> None:
    for number in range(25):
        make.organization(name=f"Customer {number:02}")
    page = as_administrator.get(address(make.tenant(), "/choose")).text
    assert "Customer 19" in page
    assert "Customer 20" not in page
    assert "type more of the name" in page


def test_one_stays_on_the_page_where_one_was(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    tenants = [make.tenant(integration=integration, name=f"Tenant {number:03}") for number in range(52)]
    last = tenants[-1]
    assert last.name in as_administrator.get(address(integration), query_string={"page": "2"}).text
    assert last.name not in as_administrator.get(address(integration)).text
    form = {"page": "2", "within": str(integration.id), "q": "tenant"}
    assert (
        as_administrator.post(address(last, "/ignore"), data=form).location == f"{address(integration)}?q=tenant&page=2"
    )
    form = {"page": "1", "integration": str(integration.id)}
    assert as_administrator.post(address(last, "/unmatch"), data=form).location == f"{ALL}?integration={integration.id}"


def test_the_page_takes_as_many_queries_for_thirty_tenants_as_for_one(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    integration = make.integration()

    def fill(number: int) -> None:
        make.organization(name=f"Customer {number}")
        make.tenant(integration=integration, name=f"Customer {number}")
        make.license(tenant=make.tenant(integration=integration, organization=make.organization()))
        for _ in range(2):
            make.organization(name=f"Twin {number}")
        make.tenant(integration=integration, name=f"Twin {number}")

    def count() -> int:
        count_queries.clear()
        for where in (address(integration), ALL):
            assert as_administrator.get(where).status_code == 200
        return len(count_queries)

    fill(0)
    for_one = count()
    for number in range(1, 10):
        fill(number)
    assert count() == for_one
