"""Microsoft's codes in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.microsoft.errors import AccessDenied, Expired, MicrosoftError, NotFound, Refused, ServerFailed, SignInRefused
from jobs.microsoft.explain import graph_refused, sign_in_refused
from jobs.microsoft.sign_in_codes import SIGN_IN_CODES

# The code, a word of the reason, a word of the fix, and which of the credentials is at fault.
CODES: list[tuple[int, str, str, str | None]] = [
    (700016, "not found in this tenant", "client id", "client_id"),
    (70001, "not found in this tenant", "client id", "client_id"),
    (65001, "not consented", "Grant admin consent", None),
    (7000229, "service principal", "Grant admin consent", "client_id"),
    (7000215, "secret is wrong", "Value, not its Secret ID", "client_secret"),
    (7000222, "expired", "new client secret", "client_secret"),
    (7000218, "another kind of sign-in", "client secret", "client_secret"),
    (700027, "certificate", "Certificates & secrets", "certificate"),
    (90002, "No tenant", "tenant id", "tenant"),
    (900023, "not a tenant id", "GUID", "tenant"),
    (50034, "does not exist", "tenant id", "tenant"),
    (53003, "Conditional Access", "Exclude the app", None),
    (500011, "not available", "cloud", "cloud"),
    (900382, "across clouds", "cloud", "cloud"),
    (7000112, "disabled", "Enabled for users to sign in", "client_id"),
]


@pytest.mark.parametrize(("code", "reason", "fix", "field"), CODES)
def test_a_known_code_is_explained_with_its_fix(code: int, reason: str, fix: str, field: str | None) -> None:
    description = f"AADSTS{code}: Some text of Microsoft's.\r\nTrace ID: 1\r\nTimestamp: 2"
    answer = {"error": "invalid_client", "error_description": description, "error_codes": [code], "trace_id": "t-1"}
    error = sign_in_refused(answer)
    assert isinstance(error, SignInRefused)
    assert reason in error.problem.reason
    assert fix in error.problem.fix
    assert (error.problem.code, error.problem.request_id, error.field) == (f"AADSTS{code}", "t-1", field)
    assert f"AADSTS{code}" in str(error)


def test_the_code_is_found_in_the_description_where_it_stands_nowhere_else() -> None:
    error = sign_in_refused({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."})
    assert error.problem.code == "AADSTS7000215"


def test_an_unknown_code_is_shown_as_it_came_with_where_to_look_it_up() -> None:
    description = "AADSTS9999999: Something new.\r\nTrace ID: 1"
    error = sign_in_refused({"error_description": description, "error_codes": [9999999]})
    assert error.problem.reason == "Microsoft refused the sign-in: AADSTS9999999: Something new."
    assert error.problem.code == "AADSTS9999999"
    assert "https://login.microsoftonline.com/error" in error.problem.fix


@pytest.mark.parametrize(
    ("error", "suberror", "expected"),
    [
        ("invalid_grant", None, True),
        ("interaction_required", "basic_action", True),
        ("login_required", None, True),
        ("invalid_grant", "consent_required", False),
        ("invalid_client", None, False),
        (None, None, False),
    ],
)
def test_under_an_unknown_code_oauths_word_tells_whether_the_person_has_to_sign_in_again(
    error: str | None, suberror: str | None, expected: bool
) -> None:
    found = sign_in_refused({"error_codes": [9999999], "error": error, "suberror": suberror})
    assert isinstance(found, SignInRefused)
    assert found.needs_person is expected


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"error": "odd"},
        {"error": {"code": 1}},
        {"error_codes": ["x"]},
        {"error_codes": []},
        {"error_codes": [True]},
        {"error_codes": [-65001]},
        {"error_codes": [10**5000]},
        {"error_description": f"AADSTS{'9' * 5000}: Something new."},
        {"error_description": "AADSTS\u0665\u0660: Something new."},
        {"trace_id": 5},
    ],
)
def test_a_refusal_of_an_odd_shape_is_a_refusal_all_the_same(answer: dict[str, Any]) -> None:
    problem = sign_in_refused(answer).problem
    assert "Microsoft refused the sign-in" in problem.reason
    assert "AADSTS" not in problem.code


def test_the_code_is_found_in_the_description_where_what_stands_in_its_place_is_none() -> None:
    answer = {"error_description": "AADSTS7000215: Invalid client secret.", "error_codes": [True]}
    assert sign_in_refused(answer).problem.code == "AADSTS7000215"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (401, Refused), (403, AccessDenied), (404, NotFound), (302, Refused), (500, ServerFailed)],
)
@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"error": "text"},
        {"error": {"code": "Code", "message": "Message.", "innerError": {"request-id": "r-1"}}},
        {"error": {"code": None, "message": 7, "innerError": "x"}},
    ],
)
def test_graphs_refusals_are_explained_whatever_their_shape(
    status: int, kind: type[MicrosoftError], answer: Any
) -> None:
    error = graph_refused(status, answer, "", "User.Read.All")
    assert type(error) is kind
    assert error.problem.reason
    assert error.problem.fix
    assert error.problem.code


def test_what_graph_says_of_an_unknown_refusal_is_shown() -> None:
    answer = {"error": {"code": "Code", "message": "Not like this.\r\nAt all."}}
    assert graph_refused(409, answer, "", "").problem.reason.endswith("refused the request (HTTP 409): Not like this.")
    assert graph_refused(409, None, "", "").problem.reason.endswith("refused the request (HTTP 409).")


def test_a_403_names_the_permission_that_is_missing() -> None:
    error = graph_refused(403, {"error": {"code": "Authorization_RequestDenied"}}, "r-1", "User.Read.All")
    assert "User.Read.All" in error.problem.reason
    assert "Grant admin consent" in error.problem.fix
    assert (error.problem.code, error.problem.request_id) == ("Authorization_RequestDenied", "r-1")


def test_a_403_to_what_is_asked_for_a_user_names_the_delegated_permission_and_the_users_role() -> None:
    error = graph_refused(403, None, "", "User.Read.All", acts_for_user=True)
    assert "delegated permission User.Read.All" in error.problem.reason
    assert "delegated permission User.Read.All" in error.problem.fix
    assert "role by GDAP" in error.problem.fix


@pytest.mark.parametrize("body", [None, [], {}, {"error": "blocked"}])
def test_a_403_that_does_not_say_why_may_be_a_proxys(body: Any) -> None:
    error = graph_refused(403, body, "", "User.Read.All")
    assert isinstance(error, AccessDenied)
    assert "proxy" in error.problem.fix
    assert "User.Read.All" in error.problem.text
    said = graph_refused(403, {"error": {"code": "Authorization_RequestDenied"}}, "", "User.Read.All")
    assert "proxy" not in said.problem.fix


def test_a_request_id_is_taken_from_the_body_where_no_header_has_it() -> None:
    answer = {"error": {"code": "BadRequest", "innerError": {"request-id": "r-2"}}}
    assert graph_refused(400, answer, "", "").problem.request_id == "r-2"


@pytest.mark.parametrize("code", sorted(SIGN_IN_CODES))
def test_every_code_of_the_table_has_a_reason_and_a_fix_in_plain_words(code: int) -> None:
    problem = sign_in_refused({"error_codes": [code]}).problem
    assert problem.code == f"AADSTS{code}"
    assert problem.reason.endswith(".")
    assert problem.fix.endswith(".")


CONSENT_CODES = {
    700016,
    700011,
    70001,
    7000229,
    65001,
    65004,
    65005,
    650052,
    650056,
    650057,
    90008,
    90094,
    90095,
    90099,
}


@pytest.mark.parametrize("code", sorted(SIGN_IN_CODES))
def test_where_consent_is_missing_the_problem_says_so(code: int) -> None:
    assert sign_in_refused({"error_codes": [code]}).problem.needs_consent == (code in CONSENT_CODES)


@pytest.mark.parametrize("code", [90033, 90012, 90024, 50033])
def test_what_passes_by_itself_is_tried_again(code: int) -> None:
    assert isinstance(sign_in_refused({"error_codes": [code]}), ServerFailed)
    assert isinstance(sign_in_refused({"error_codes": [700016]}), SignInRefused)


HEADER = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2016-01-09 02:02:12Z", datetime(2016, 1, 9, 2, 2, 12, tzinfo=UTC)),
        ("2016-01-09T02:02:12", datetime(2016, 1, 9, 2, 2, 12, tzinfo=UTC)),
        ("2016-01-09T02:02:12+02:00", datetime(2016, 1, 9, 0, 2, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", HEADER),
        ("yesterday", HEADER),
        (7, HEADER),
        (None, HEADER),
    ],
)
def test_the_date_is_the_one_that_the_answer_carries_else_the_headers(said: object, expected: datetime) -> None:
    sign_in = sign_in_refused({"error_codes": [65001], "timestamp": said}, HEADER)
    graph = graph_refused(400, {"error": {"innerError": {"date": said}}}, "", "", HEADER)
    assert sign_in.problem.answered_at == graph.problem.answered_at == expected


@pytest.mark.parametrize(
    ("code", "status", "kind", "needs_consent"),
    [
        ("Authorization_RequestDenied", 403, AccessDenied, True),
        ("Authorization_IdentityNotFound", 403, AccessDenied, True),
        ("Authentication_RequestFromNonPremiumTenantOrB2CTenant", 403, AccessDenied, False),
        ("Directory_ExpiredPageToken", 400, Expired, False),
        ("InvalidAuthenticationToken", 401, Refused, False),
    ],
)
def test_graphs_codes_are_told_apart(code: str, status: int, kind: type[MicrosoftError], needs_consent: bool) -> None:
    error = graph_refused(status, {"error": {"code": code}}, "", "User.Read.All")
    assert type(error) is kind
    assert (error.problem.code, error.problem.needs_consent) == (code, needs_consent)
