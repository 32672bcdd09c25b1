"""Which organization is suggested for a tenant, and why."""

from __future__ import annotations

import pytest

from tests.support.factories import Make
from webapp.extensions import db
from webapp.integrations.suggestions import Suggestion, Suggestions, Tie
from webapp.models import Organization, OrganizationDomain, Tenant, utc_now


def suggested(tenant: Tenant) -> tuple[str, str] | str | None:
    found = Suggestions(db.session).of(tenant)
    if isinstance(found, Suggestion):
        return found.organization.name, found.words
    return found.words if isinstance(found, Tie) else None


def with_domains(make: Make, name: str, *domains: str) -> Organization:
    return make.organization(name=name, domains=[OrganizationDomain(domain=domain) for domain in domains])


def test_the_same_name_is_told_whatever_its_case_and_spaces(make: Make) -> None:
    make.organization(name="Müller  GmbH")
    assert suggested(make.tenant(name="ＭÜLLER GmbH")) == ("Müller  GmbH", "same name")


def test_the_same_domain_is_told(make: Make) -> None:
    with_domains(make, "Wide World", "wideworld.example")
    tenant = make.tenant(
        name="WWI", default_domain="wwi.onmicrosoft.com", domains="wwi.onmicrosoft.com\nWideWorld.example"
    )
    assert suggested(tenant) == ("Wide World", "same domain")


def test_the_default_domain_counts_where_no_other_is_known(make: Make) -> None:
    with_domains(make, "Wide World", "wideworld.example")
    assert suggested(make.tenant(name="WWI", default_domain="WideWorld.example")) == ("Wide World", "same domain")


def test_domains_of_microsoft_and_of_everybody_are_no_evidence(make: Make) -> None:
    with_domains(make, "Careless", "contoso.onmicrosoft.com", "gmail.com")
    tenant = make.tenant(name="Other", default_domain="contoso.onmicrosoft.com", domains="gmail.com")
    assert suggested(tenant) is None


def test_an_alike_name_is_told_with_its_score(make: Make) -> None:
    make.organization(name="Contoso Ltd")
    assert suggested(make.tenant(name="Contosso, Inc.")) == ("Contoso Ltd", "alike name, 93 %")


def test_the_name_comes_before_the_domain_and_the_domain_before_an_alike_name(make: Make) -> None:
    make.organization(name="Contoso")
    with_domains(make, "Fabrikam", "contoso.example")
    make.organization(name="Contossa Group")
    assert suggested(make.tenant(name="contoso", default_domain="contoso.example")) == ("Contoso", "same name")
    assert suggested(make.tenant(name="Contosso Group", default_domain="contoso.example")) == (
        "Fabrikam",
        "same domain",
    )


def test_of_several_of_one_name_none_is_suggested(make: Make) -> None:
    for _ in range(2):
        make.organization(name="Twin")
    assert suggested(make.tenant(name="twin")) == "2 organizations have this name"


def test_of_several_of_one_name_the_domain_tells_the_one(make: Make) -> None:
    make.organization(name="Twin")
    with_domains(make, "TWIN", "twin.example")
    assert suggested(make.tenant(name="twin", default_domain="twin.example")) == ("TWIN", "same domain")


def test_a_domain_that_several_have_and_equally_alike_names_suggest_none(make: Make) -> None:
    with_domains(make, "One", "shared.example")
    with_domains(make, "Two", "shared.example")
    make.organization(name="Contoso Ltd")
    make.organization(name="Contoso AG")
    assert suggested(make.tenant(name="X", default_domain="shared.example")) == "2 organizations have its domains"
    assert suggested(make.tenant(name="Contosso")) == "2 organizations have names as alike as each other, 93 %"


@pytest.mark.parametrize("name", ["Contosso", "Contoso"])
@pytest.mark.parametrize(("number", "told"), [(4, "4"), (7, "5 or more")])
def test_of_very_many_alike_ones_none_is_counted_short(make: Make, name: str, number: int, told: str) -> None:
    for form in ("Ltd", "AG", "Inc", "GmbH", "SA", "BV", "Oy")[:number]:
        make.organization(name=f"Contoso {form}")
    said = suggested(make.tenant(name=name))
    assert str(said).startswith(f"{told} organizations have names as alike as each other")


def test_archived_organizations_are_not_offered(make: Make) -> None:
    organization = with_domains(make, "Contoso", "contoso.example")
    organization.archived_at = utc_now()
    db.session.commit()
    assert suggested(make.tenant(name="Contoso", default_domain="contoso.example")) is None


def test_a_name_of_nothing_visible_has_no_namesake(make: Make) -> None:
    make.organization(name="Contoso")
    assert suggested(make.tenant(name="\u200b", default_domain="")) is None
