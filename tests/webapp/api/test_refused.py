"""What the API refuses rather than ignores, and whether its document says what it takes."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient, FlaskCliRunner

from config import BASE_DIR
from tests.support.factories import Make
from tests.webapp.licenses.reading import GLOBAL
from webapp.licenses.filters import CONNECTIONS, DEFAULT_SORT, SORTS
from webapp.models import STATUS_LABELS

from .reading import LICENSES, ORGANIZATIONS, made, read

DOCUMENT = (BASE_DIR / "docs" / "api.md").read_text()

STATUSES = "Enabled, Warning, Suspended, Deleted, LockedOut, Gone"
WHOLE = "Give a whole number, 1 or more."
OF_LICENSES = "q, organization, tenant, product, status, connection, sort, page, per_page"


@pytest.fixture
def key(run_command: FlaskCliRunner) -> str:
    return made(run_command, "Reports", "--role", "read-only")


def refusal(client: FlaskClient, key: str, address: str) -> str:
    answer = client.get(address, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 400, answer.get_data(as_text=True)
    assert answer.get_json().keys() == {"error"}
    return str(answer.get_json()["error"])


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("connection=nope", "There is no connection nope. Use one of: connected, disconnected."),
        ("connection=connected&connection=nope", "There is no connection nope."),
        ("status=Fine", f"There is no status Fine. Use one of: {STATUSES}."),
        ("status=Enabled&status=Fine", "There is no status Fine."),
        ("sort=nope", f"There is nothing named nope to sort by. Use one of: {', '.join(SORTS)}."),
        ("sort=-nope", "There is nothing named -nope to sort by."),
        ("statuss=Suspended", f"There is no parameter statuss. Use one of: {OF_LICENSES}."),
        ("search=exchange", f"There is no parameter search. Use one of: {OF_LICENSES}."),
    ],
)
def test_a_filter_that_is_misspelled_is_refused_with_what_may_be_given(
    client: FlaskClient, key: str, make: Make, query: str, said: str
) -> None:
    make.license()
    error = refusal(client, key, f"{LICENSES}?{query}")
    assert error.startswith("This request cannot be answered. ")
    assert said in error


@pytest.mark.parametrize("address", [LICENSES, ORGANIZATIONS])
@pytest.mark.parametrize("name", ["page", "per_page"])
@pytest.mark.parametrize("value", ["abc", "0", "00", "-1", "1.5", "1 ", "٣", "²"])
def test_a_page_that_is_no_number_from_one_on_is_refused(
    client: FlaskClient, key: str, address: str, name: str, value: str
) -> None:
    error = refusal(client, key, f"{address}?{urlencode({name: value})}")
    assert f"{name} cannot be {value}. {WHOLE}" in error


@pytest.mark.parametrize("name", ["statuss", "search", "status", "sort"])
def test_organizations_refuse_a_parameter_that_only_licenses_take(client: FlaskClient, key: str, name: str) -> None:
    said = refusal(client, key, f"{ORGANIZATIONS}?{name}=product")
    assert f"There is no parameter {name}. Use one of: q, page, per_page." in said


@pytest.mark.parametrize(
    "name", ["organization", "tenant", "product", "status", "connection", "sort", "page", "per_page"]
)
@pytest.mark.parametrize("blank", ["", "%20", "%00", "%E2%80%8B"])
def test_a_filter_without_a_value_does_not_list_everything(
    client: FlaskClient, key: str, name: str, blank: str
) -> None:
    assert f"{name} has no value." in refusal(client, key, f"{LICENSES}?{name}={blank}")


@pytest.mark.parametrize("name", ["q", "sort", "page", "per_page"])
def test_what_is_taken_once_is_refused_twice(client: FlaskClient, key: str, name: str) -> None:
    assert f"{name} is given 2 times. Give it once." in refusal(client, key, f"{LICENSES}?{name}=1&{name}=2")


def test_a_search_for_nothing_lists_everything(client: FlaskClient, key: str, make: Make) -> None:
    make.license()
    assert [read(client, key, f"{address}?q=")["count"] for address in (LICENSES, ORGANIZATIONS)] == [1, 1]


def test_a_page_beyond_the_end_is_the_last_and_no_more_than_1000_are_on_one(
    client: FlaskClient, key: str, make: Make
) -> None:
    make.license()
    for address in (LICENSES, ORGANIZATIONS):
        for number in ("2", "9" * 5000, "0" * 5000 + "7"):
            answer = read(client, key, f"{address}?page={number}&per_page={number}")
            assert (answer["page"], answer["pages"], len(answer["items"])) == (1, 1, 1)


@pytest.mark.parametrize("kind", ["organization", "tenant", "product"])
def test_a_name_of_nothing_lists_nothing(client: FlaskClient, key: str, make: Make, kind: str) -> None:
    make.license()
    assert read(client, key, f"{LICENSES}?{kind}=Nobody")["items"] == []


@pytest.mark.parametrize("spelling", ["LockedOut", "locked out", "LOCKEDOUT"])
def test_a_status_may_be_spelled_as_the_pages_do(client: FlaskClient, key: str, make: Make, spelling: str) -> None:
    make.license(status="LockedOut")
    make.license()
    assert read(client, key, f"{LICENSES}?{urlencode({'status': spelling})}")["count"] == 1


def test_a_new_status_of_microsoft_s_is_one_only_for_keys_that_read_a_license_with_it(
    client: FlaskClient, run_command: FlaskCliRunner, key: str, make: Make
) -> None:
    make.license(organization=make.organization(name="Theirs"), status="Frozen")
    make.license(organization=make.organization(name="Mine"))
    mine = made(run_command, "Portal", "--role", "editor", "--organization", "mine")
    address = f"{LICENSES}?status=frozen"
    assert read(client, key, address)["count"] == 1
    assert "There is no status frozen." in refusal(client, mine, address)


def test_pages_in_the_browser_stay_lenient(as_reader: FlaskClient, make: Make) -> None:
    make.license()
    for query in ("connection=nope", "statuss=Suspended", "sort=nope", "page=abc", "per_page=0", "status=Fine"):
        assert as_reader.get(f"{GLOBAL}?{query}").status_code == 200, query


def test_the_document_names_every_field_and_every_value(client: FlaskClient, key: str, make: Make) -> None:
    make.license()
    of_licenses = DOCUMENT.split("## Licenses")[1].split("## Organizations")[0]
    of_organizations = DOCUMENT.split("## Organizations")[1].split("## Errors")[0]
    for address, text in ((LICENSES, of_licenses), (ORGANIZATIONS, of_organizations)):
        missing = [field for field in read(client, key, address)["items"][0] if f"`{field}`" not in text]
        assert missing == [], address
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (.*) \|$", of_licenses, flags=re.MULTILINE)}
    for name, values in (("status", STATUS_LABELS), ("connection", CONNECTIONS), ("sort", SORTS)):
        assert [value for value in values if value not in rows[name]] == [], name
    assert f"{DEFAULT_SORT} (as it is without `sort`)" in rows["sort"]
