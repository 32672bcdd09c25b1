"""`flask integrations connect` and `credentials`: client secrets and certificates."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.days import today
from tests.support.factories import Make
from tests.support.pem import key_pem, pem_pair, rsa_key
from tests.support.turns import in_turn
from tests.webapp.commands.conftest import Run
from tests.webapp.integrations.conftest import ACCEPTED, CLIENT_ID, SECRET, TENANT_ID, Microsoft, refusal
from webapp.extensions import db
from webapp.models import Integration, utc_now

pytestmark = pytest.mark.usefixtures("workers")

PEM, PUBLIC = pem_pair()
CONNECT = ("connect", "Contoso", "--tenant-id", TENANT_ID, "--client-id", CLIENT_ID)


@pytest.fixture
def pem_file(tmp_path: Path) -> Path:
    path = tmp_path / "seatledger.pem"
    path.write_text(PEM)
    return path


@pytest.fixture
def integration(make: Make) -> Integration:
    return make.integration(name="Contoso", home_tenant_id=TENANT_ID, client_id=CLIENT_ID, secret=SECRET)


def stored() -> Integration:
    return db.session.scalars(select(Integration)).one()


def test_a_certificate_connects(integrations: Run, microsoft: Microsoft, pem_file: Path) -> None:
    result = integrations(*CONNECT, "--certificate", str(pem_file))
    assert result.exit_code == 0, result.output
    assert stored().certificate_thumbprint
    assert stored().client_secret_encrypted == ""
    assert microsoft.asked[0]["certificate"] == stored().certificate


def test_the_password_of_the_key_comes_on_standard_input(
    integrations: Run, microsoft: Microsoft, pem_file: Path
) -> None:
    pem_file.write_text(key_pem(rsa_key(), password="open sesame") + PUBLIC)
    result = integrations(*CONNECT, "--certificate", str(pem_file))
    assert result.exit_code == 1
    assert "--certificate-password-stdin" in result.stderr
    result = integrations(
        *CONNECT, "--certificate", str(pem_file), "--certificate-password-stdin", stdin="open sesame\n"
    )
    assert result.exit_code == 0, result.output


def test_a_secrets_date_is_kept(integrations: Run, microsoft: Microsoft) -> None:
    ends_on = today() + timedelta(days=400)
    result = integrations(*CONNECT, "--client-secret-stdin", "--secret-expires-on", str(ends_on), stdin=f"{SECRET}\n")
    assert result.exit_code == 0, result.output
    assert stored().credentials_end_on == ends_on


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ((), 2, "--certificate FILE"),
        (("--certificate", "FILE", "--client-secret-stdin"), 2, "not both"),
        (("--certificate", "FILE", "--secret-expires-on", "2099-01-01"), 2, "not both"),
        (("--client-secret-stdin", "--certificate-password-stdin"), 2, "goes with --certificate"),
        (("--certificate", "/nowhere/at all.pem"), 1, "cannot be read"),
        (("--certificate", "/"), 1, "cannot be read"),
        (("--client-secret-stdin", "--secret-expires-on", "2020-01-01"), 1, "has passed"),
        (("--client-secret-stdin", "--secret-expires-on", "soon"), 2, "does not match the format"),
    ],
)
def test_what_does_not_go_together_is_refused(
    options: tuple[str, ...], code: int, says: str, integrations: Run, microsoft: Microsoft, pem_file: Path
) -> None:
    given = [str(pem_file) if option == "FILE" else option for option in options]
    result = integrations(*CONNECT, *given, stdin=f"{SECRET}\n")
    assert result.exit_code == code
    assert says in result.stderr
    assert microsoft.asked == []


def test_new_credentials_replace_those_stored_once_microsoft_accepts_them(
    integrations: Run, microsoft: Microsoft, pem_file: Path, integration: Integration
) -> None:
    microsoft.answer = refusal("certificate", reason="Not registered.")
    result = integrations("credentials", "contoso", "--certificate", str(pem_file))
    assert result.exit_code == 1
    assert "Not registered." in result.stderr
    assert stored().client_secret == SECRET
    microsoft.answer = dict(ACCEPTED)
    result = integrations("credentials", "contoso", "--certificate", str(pem_file))
    assert result.exit_code == 0, result.output
    assert f"thumbprint: {stored().certificate_thumbprint}" in result.stdout
    result = integrations("credentials", "contoso", "--client-secret-stdin", stdin="a~new.one\n")
    assert result.exit_code == 0, result.output
    assert (stored().client_secret, stored().certificate_encrypted) == ("a~new.one", "")


def test_without_an_option_it_prints_what_is_known_and_warns(
    integrations: Run, microsoft: Microsoft, integration: Integration
) -> None:
    end(integration, 5)
    result = integrations("credentials", "Contoso")
    assert result.exit_code == 0
    assert "signs in with: client secret" in result.stdout
    assert "expires in 5 days" in result.stderr
    assert microsoft.asked == []


def test_only_the_date_or_only_the_app_is_changed(
    integrations: Run, microsoft: Microsoft, integration: Integration
) -> None:
    ends_on = today() + timedelta(days=90)
    assert integrations("credentials", "Contoso", "--secret-expires-on", str(ends_on)).exit_code == 0
    assert stored().credentials_end_on == ends_on
    assert microsoft.asked == []
    other = "99999999-bbbb-3333-cccc-4444dddd5555"
    assert integrations("credentials", "Contoso", "--client-id", other).exit_code == 0
    assert (stored().client_id, stored().credentials_end_on) == (other, ends_on)
    assert microsoft.asked[0]["client_secret"] == SECRET
    assert integrations("credentials", "Contoso", "--client-id", "no guid").exit_code == 1


def test_a_date_that_has_passed_is_refused_alone_too(
    integrations: Run, microsoft: Microsoft, integration: Integration
) -> None:
    before = integration.credentials_end_on
    result = integrations("credentials", "Contoso", "--secret-expires-on", "2020-12-10")
    assert result.exit_code == 1
    assert result.stderr == "Error: 2020-12-10 has passed. Take the date that the app registration shows.\n"
    assert stored().credentials_end_on == before
    last = today()
    taken = integrations("credentials", "Contoso", "--secret-expires-on", str(last))
    assert (taken.exit_code, stored().credentials_end_on) == (0, last)


def test_the_list_tells_the_credentials_and_warns_of_their_end(integrations: Run, integration: Integration) -> None:
    end(integration, -2)
    result = integrations("list", "--json")
    [listed] = json.loads(result.stdout)
    assert listed["credentials"] == "client secret"
    assert listed["credentials_end_on"] == str(today() - timedelta(days=2))
    assert listed["credentials_state"] == "expired"
    assert "Contoso: The client secret expired on" in result.stderr
    end(integration, 10)
    assert "expires soon" in integrations("list").stdout
    end(integration, 100)
    listed_again = integrations("list")
    assert "  ok" in listed_again.stdout
    assert listed_again.stderr == ""


def test_the_list_tells_of_a_lapsed_sign_in(integrations: Run, integration: Integration) -> None:
    lapse(integration)
    result = integrations("list")
    assert "sign in again" in result.stdout
    assert "ann@msp.example" in result.stderr


@in_turn
def end(integration: Integration, days: int) -> None:
    integration.credentials_end_on = today() + timedelta(days=days)
    db.session.commit()


@in_turn
def lapse(integration: Integration) -> None:
    integration.act_for("ann@msp.example", "a token", utc_now())
    integration.sign_in_lapsed_at = utc_now()
    db.session.commit()
