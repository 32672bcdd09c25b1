"""The forms of sign-in, the first visit and the password."""

from __future__ import annotations

from collections.abc import Callable

from flask_login import current_user
from wtforms import EmailField, Field, Form, PasswordField, StringField, ValidationError
from wtforms.validators import EqualTo, InputRequired, Length

from ..form_checks import checked
from ..page_form import PageForm
from . import accounts

_MAX = {"maxlength": accounts.PASSWORD_MAX}
_NEW = {"autocomplete": "new-password", "minlength": accounts.PASSWORD_MIN, **_MAX}
_CURRENT = {"autocomplete": "current-password", **_MAX}


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def _email_field(label: str, *checks: Callable[[Form, Field], None]) -> EmailField:
    return EmailField(
        label,
        [InputRequired("Enter your e-mail address."), *checks],
        filters=[_trimmed],
        render_kw={"autocomplete": "username", "maxlength": accounts.ADDRESS_MAX},
    )


def _repeated_field(what: str = "password") -> PasswordField:
    """The field `password` once more."""
    is_same = EqualTo("password", "The two passwords differ.")
    label, message = f"{what.capitalize()} again", f"Enter the {what} again."
    return PasswordField(label, [InputRequired(message), is_same], render_kw=_NEW)


class SignInForm(PageForm):
    email = _email_field("E-mail address")
    password = PasswordField("Password", [InputRequired("Enter your password.")], render_kw=_CURRENT)


class SetupForm(PageForm):
    code = StringField(
        "One-time code",
        [InputRequired("Enter the code from the terminal."), Length(max=100, message="This is not the code.")],
        filters=[_trimmed],
        render_kw={
            "autocomplete": "one-time-code",
            "autocapitalize": "none",
            "spellcheck": "false",
            "placeholder": "xxxx-xxxx-xxxx-xxxx",
        },
    )
    email = _email_field("Your e-mail address", checked(accounts.normal_address))
    password = PasswordField("Password", [InputRequired("Choose a password.")], render_kw=_NEW)
    repeated = _repeated_field()

    def validate_password(self, field: Field) -> None:
        _check_new_password(field.data, self.email.data or "")


class PasswordForm(PageForm):
    current = PasswordField("Current password", [InputRequired("Enter your current password.")], render_kw=_CURRENT)
    password = PasswordField("New password", [InputRequired("Choose a new password.")], render_kw=_NEW)
    repeated = _repeated_field("new password")

    def validate_password(self, field: Field) -> None:
        _check_new_password(field.data, current_user.email)


class ForgottenForm(PageForm):
    email = _email_field("E-mail address", checked(accounts.normal_address))


class ChosenPasswordForm(PageForm):
    """The first password, or another one, of who came by a link."""

    password = PasswordField("Password", [InputRequired("Choose a password.")], render_kw=_NEW)
    repeated = _repeated_field()

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def validate_password(self, field: Field) -> None:
        _check_new_password(field.data, self._address)


def _check_new_password(password: str, address: str) -> None:
    problem = accounts.password_problem(password, address)
    if problem:
        raise ValidationError(problem)
