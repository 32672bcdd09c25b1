"""Account > Users: inviting, rights, deactivating, deleting; all of it holds at once."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from tests.webapp.auth.forms import is_signed_in, sign_in
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    GroupMember,
    Organization,
    OrganizationGrant,
    Role,
    User,
    UserSession,
    UserState,
)

LINK = re.compile(r'id="link" value="([^"]+)"')


def user_named(email: str) -> User:
    return db.session.query(User).filter_by(email=email).one()


def granted(user_id: int) -> set[int]:
    return {grant.organization_id for grant in db.session.query(OrganizationGrant).filter_by(user_id=user_id)}


def audited() -> list[str]:
    return [entry.event for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)]


def invite(client: FlaskClient, **values: object) -> str:
    """Send the form, and return the page that it leads to."""
    form = {"email": "ann@msp.example", "role": "editor", "which": "chosen", **values}
    answer = client.post("/account/users/invite", data=form, follow_redirects=True)
    return answer.get_data(as_text=True)


def test_who_is_invited_comes_in_by_the_link_and_sees_what_is_given(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    mine, theirs = make.organization(name="Mine"), make.organization(name="Theirs")
    group = make.group(name="North")
    page = invite(as_administrator, email="Ann@MSP.example", organizations=[mine.id], groups=[group.id])
    address = unescape(LINK.findall(page)[0])
    assert "Invited" in page
    assert sign_in(app.test_client(), "ann@msp.example", "").status_code == 422

    browser = app.test_client()
    path = address.removeprefix("http://localhost")
    assert "ann@msp.example" in browser.get(path).text
    password = {"password": "a fine password", "repeated": "a fine password"}
    assert browser.post(path, data=password).location == "/"
    assert browser.get(f"/organizations/{mine.id}").status_code == 200
    assert browser.get(f"/organizations/{theirs.id}").status_code == 404
    assert user_named("ann@msp.example").role == Role.EDITOR
    assert db.session.query(GroupMember).one().group_id == group.id
    assert "Invited ann@msp.example as Editor" in audited()
    assert not any(
        address.rpartition("/")[2] in str(entry.details) + entry.event for entry in db.session.query(AuditEntry)
    )


def test_the_link_is_shown_once(as_administrator: FlaskClient) -> None:
    assert LINK.search(invite(as_administrator))
    assert not LINK.search(as_administrator.get(f"/account/users/{user_named('ann@msp.example').id}").text)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"email": "nobody"}, "must have an @"),
        ({"email": f"{'a' * 300}@msp.example"}, "longer than 254 characters"),
        ({"email": "ann@msp.example\r\nBcc: eve@evil.example"}, "invalid-feedback"),
        ({"email": ""}, "Enter the e-mail address"),
        ({"role": "king"}, "Not a valid choice"),
        ({"role": ""}, "Choose a role."),
        ({"role": "lite", "which": "all"}, "never all at once"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_invited(
    as_administrator: FlaskClient, values: dict[str, str], message: str
) -> None:
    assert message in invite(as_administrator, **values)
    assert db.session.query(User).count() == 1


def test_an_address_is_invited_once(as_administrator: FlaskClient, make: Make) -> None:
    make.user(email="ann@msp.example")
    assert "There is a user with this e-mail address already." in invite(as_administrator)
    assert db.session.query(User).count() == 2


def test_too_many_ids_and_ids_that_are_none_are_refused_or_left_out(as_administrator: FlaskClient) -> None:
    form = {"email": "a@msp.example", "role": "editor", "which": "chosen"}
    many = {**form, "organizations": [str(number) for number in range(1001)]}
    assert as_administrator.post("/account/users/invite", data=many).status_code == 400
    odd = {**form, "organizations": ["x", "-1", "99999999999", "4711"], "groups": ["0"]}
    assert as_administrator.post("/account/users/invite", data=odd).status_code == 302
    assert granted(user_named("a@msp.example").id) == set()


def change(client: FlaskClient, user: User, **values: object) -> int:
    form = {"role": user.role.value, "which": "all" if user.all_organizations else "chosen", **values}
    return edited(client, f"/account/users/{user.id}", form).status_code


def test_rights_hold_at_the_next_click(app: Flask, as_administrator: FlaskClient, make: Make) -> None:
    first, second = make.organization(), make.organization()
    user = make.reader(first)
    browser = signed_in(app, user)
    assert browser.get(f"/organizations/{first.id}").status_code == 200
    shown = [first.id, second.id]
    changed = {"role": "editor", "organizations-shown": shown, "organizations": [second.id]}
    assert change(as_administrator, user, **changed) == 302
    assert browser.get(f"/organizations/{first.id}").status_code == 404
    assert browser.get(f"/organizations/{second.id}/edit").status_code == 200
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert entry is not None
    assert entry.event == f"Changed the rights of {user.email}: Editor now"
    assert entry.details == {
        "role": ["read-only", "editor"],
        "organizations_given": [second.name],
        "organizations_taken": [first.name],
    }


def test_what_was_not_shown_stays(as_administrator: FlaskClient, make: Make) -> None:
    """Of thousands that are given, a page shows some: saving it must not take the others away."""
    organizations = [make.organization() for _ in range(3)]
    user = make.reader(*organizations)
    shown = {"organizations-shown": [organizations[0].id]}
    assert change(as_administrator, user, **shown) == 302
    assert granted(user.id) == {organization.id for organization in organizations[1:]}


def test_what_others_gave_meanwhile_stays(as_administrator: FlaskClient, make: Make) -> None:
    first, second = make.organization(), make.organization()
    user = make.reader()
    make.grant(user, second)
    assert change(as_administrator, user, organizations=[first.id], **{"organizations-shown": [first.id]}) == 302
    assert granted(user.id) == {first.id, second.id}


def test_a_role_that_others_took_meanwhile_is_not_given_back(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    organization, user = make.organization(), make.user(role=Role.MANAGER, all_organizations=False)
    address = f"/account/users/{user.id}"
    mine = {**opened(as_administrator, address), "role": "manager", "which": "chosen"}
    assert change(signed_in(app, make.user()), user, role="read-only") == 302
    gives = {"organizations-shown": [organization.id], "organizations": [organization.id]}
    assert as_administrator.post(address, data={**mine, **gives}).status_code == 302
    assert user_named(user.email).role == Role.READ_ONLY
    assert granted(user.id) == {organization.id}

    answer = as_administrator.post(address, data={**mine, "role": "editor"})
    assert answer.status_code == 409
    assert "Somebody else changed Role while you were editing" in answer.text
    assert "Saved meanwhile: <strong" in answer.text
    assert "Read-only</strong>" in answer.text
    assert user_named(user.email).role == Role.READ_ONLY
    again = {**began_with(answer.text), "role": "editor", "which": "chosen"}
    assert as_administrator.post(address, data=again).status_code == 302
    assert user_named(user.email).role == Role.EDITOR


def test_searching_for_what_to_give_does_not_forget_what_the_form_began_with(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    user = make.user(role=Role.MANAGER, all_organizations=False)
    address = f"/account/users/{user.id}"
    mine = {**opened(as_administrator, address), "role": "manager", "which": "chosen"}
    change(signed_in(app, make.user()), user, role="read-only")
    page = as_administrator.post(address, data={**mine, "organizations-find": "1"}).text
    assert began_with(page).items() <= mine.items()
    assert as_administrator.post(address, data={**mine, **began_with(page)}).status_code == 302
    assert user_named(user.email).role == Role.READ_ONLY


def test_who_becomes_lite_is_not_given_all(as_administrator: FlaskClient, make: Make) -> None:
    user = make.user(role=Role.READ_ONLY)
    assert change(as_administrator, user, role="lite") == 422
    assert change(as_administrator, user, role="lite", which="chosen") == 302
    assert not user_named(user.email).all_organizations


def test_who_is_deactivated_is_out_at_once_and_comes_back_with_their_rights(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    user = make.reader(make.organization(), email="ann@msp.example")
    browser = signed_in(app, user)
    assert as_administrator.post(f"/account/users/{user.id}/deactivate").status_code == 302
    assert not is_signed_in(browser)
    assert sign_in(app.test_client(), user.email).status_code == 401
    assert user_named(user.email).state == UserState.DEACTIVATED
    assert as_administrator.post(f"/account/users/{user.id}/reactivate").status_code == 302
    assert sign_in(app.test_client(), user.email).status_code == 302
    assert not is_signed_in(browser), "the session from before does not come back"
    assert len(granted(user.id)) == 1
    assert {"Deactivated ann@msp.example", "Reactivated ann@msp.example"} <= set(audited())


def test_a_session_that_was_opened_at_the_same_moment_does_not_outlive_the_deactivation(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    user = make.user(role=Role.EDITOR)
    as_administrator.post(f"/account/users/{user.id}/deactivate")
    late = signed_in(app, db.session.get_one(User, user.id))
    assert not is_signed_in(late)
    as_administrator.post(f"/account/users/{user.id}/reactivate")
    assert not is_signed_in(late)


def test_signing_out_everywhere_ends_every_session(app: Flask, as_administrator: FlaskClient, make: Make) -> None:
    user, other = make.user(), make.user()
    browsers, others = [signed_in(app, user) for _ in range(2)], signed_in(app, other)
    as_administrator.post(f"/account/users/{user.id}/sign-out")
    assert not any(map(is_signed_in, browsers))
    assert is_signed_in(others)


def test_who_is_deleted_is_gone_with_all_that_was_given(app: Flask, as_administrator: FlaskClient, make: Make) -> None:
    user = make.reader(make.organization(), email="ann@msp.example")
    make.group(user)
    browser = signed_in(app, user)
    assert "This cannot be undone" in as_administrator.get(f"/account/users/{user.id}/delete").text
    assert as_administrator.post(f"/account/users/{user.id}/delete").status_code == 302
    assert not is_signed_in(browser)
    for model in (OrganizationGrant, GroupMember):
        assert db.session.query(model).count() == 0
    assert db.session.query(User).filter_by(email="ann@msp.example").count() == 0
    assert db.session.query(Organization).count() == 1
    assert "Deleted ann@msp.example" in audited()


@pytest.mark.parametrize("action", ["deactivate", "delete"])
def test_nobody_shuts_themselves_out(app: Flask, make: Make, action: str) -> None:
    user = make.user()
    make.user()
    browser = signed_in(app, user)
    page = browser.post(f"/account/users/{user.id}/{action}", follow_redirects=True).text
    assert "Nobody changes their own role" in page
    assert is_signed_in(browser)


def test_nobody_changes_their_own_role(app: Flask, make: Make) -> None:
    user = make.user()
    address = f"/account/users/{user.id}"
    browser, others = signed_in(app, user), signed_in(app, make.user())
    assert 'name="role"' not in browser.get(address).text
    forged = {**opened(others, address), "role": "editor", "which": "all"}
    assert browser.post(address, data=forged).status_code == 422
    assert user_named(user.email).role == Role.ADMINISTRATOR


def test_a_role_of_a_newer_version_is_shown_as_unknown(as_administrator: FlaskClient, make: Make) -> None:
    user = make.user(role=Role.READ_ONLY)
    db.session.execute(db.text("UPDATE user_account SET role = 'owner' WHERE id = :id"), {"id": user.id})
    db.session.commit()
    assert "Unknown" in as_administrator.get("/account/users").text
    assert as_administrator.get(f"/account/users/{user.id}").status_code == 200


def test_the_list_tells_role_reach_groups_and_state(as_administrator: FlaskClient, make: Make) -> None:
    one, two = make.organization(), make.organization()
    user = make.reader(one, email="b@msp.example", role=Role.LITE)
    make.grant(make.group(user, name="North"), one, two)
    make.invited_user(email="c@msp.example")
    page = as_administrator.get("/account/users").text
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page, re.DOTALL)
    texts = [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]
    assert texts[texts.index("b@msp.example") :][:6] == ["b@msp.example", "Lite", "2", "North", "never", "Active"]
    assert texts[texts.index("c@msp.example") :][:6] == [
        "c@msp.example",
        "Read-only",
        "All",
        "None",
        "never",
        "Invited",
    ]


@pytest.mark.parametrize(
    ("q", "found"), [("b@msp", True), ("north", True), ("lite", True), ("south", False), ("%", False)]
)
def test_users_are_found_by_address_role_and_group(
    as_administrator: FlaskClient, make: Make, q: str, found: bool
) -> None:
    make.group(make.reader(email="b@msp.example", role=Role.LITE), name="Team North")
    page = as_administrator.get("/account/users", query_string={"q": q}).text
    assert ("b@msp.example</a>" in page) == found


def test_a_page_of_users_takes_the_same_queries_however_many_there_are(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    def queries() -> int:
        count_queries.clear()
        assert as_administrator.get("/account/users").status_code == 200
        return len(count_queries)

    before = queries()
    group = make.group()
    for _ in range(5):
        user = make.reader(make.organization())
        db.session.add(GroupMember(group_id=group.id, user_id=user.id))
    db.session.commit()
    assert queries() == before


def test_sessions_of_who_is_not_active_let_nobody_in(app: Flask, make: Make) -> None:
    invited = make.invited_user()
    UserSession.open(db.session, invited)
    db.session.commit()
    assert UserSession.find_user(db.session, invited.session_token or "") is None
