"""The forms of sign-in, the first visit and the password."""

from __future__ import annotations

from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, Field, PasswordField, StringField, ValidationError
from wtforms.validators import EqualTo, InputRequired, Length

from . import accounts

_MAX = {"maxlength": accounts.PASSWORD_MAX}
_NEW = {"autocomplete": "new-password", "minlength": accounts.PASSWORD_MIN, **_MAX}
_CURRENT = {"autocomplete": "current-password", **_MAX}


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


class SignInForm(FlaskForm):
    email = EmailField(
        "E-mail address",
        [InputRequired("Enter your e-mail address.")],
        filters=[_trimmed],
        render_kw={"autocomplete": "username", "maxlength": accounts.ADDRESS_MAX},
    )
    password = PasswordField("Password", [InputRequired("Enter your password.")], render_kw=_CURRENT)


class SetupForm(FlaskForm):
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
    email = EmailField(
        "Your e-mail address",
        [InputRequired("Enter your e-mail address.")],
        filters=[_trimmed],
        render_kw={"autocomplete": "username", "maxlength": accounts.ADDRESS_MAX},
    )
    password = PasswordField("Password", [InputRequired("Choose a password.")], render_kw=_NEW)
    repeated = PasswordField(
        "Password again",
        [InputRequired("Enter the password again."), EqualTo("password", "The two passwords differ.")],
        render_kw=_NEW,
    )

    def validate_email(self, field: Field) -> None:
        _check_address(field)

    def validate_password(self, field: Field) -> None:
        _check_new_password(field.data, self.email.data or "")


class PasswordForm(FlaskForm):
    current = PasswordField("Current password", [InputRequired("Enter your current password.")], render_kw=_CURRENT)
    password = PasswordField("New password", [InputRequired("Choose a new password.")], render_kw=_NEW)
    repeated = PasswordField(
        "New password again",
        [InputRequired("Enter the new password again."), EqualTo("password", "The two passwords differ.")],
        render_kw=_NEW,
    )

    def validate_password(self, field: Field) -> None:
        _check_new_password(field.data, current_user.email)


class ForgottenForm(FlaskForm):
    email = EmailField(
        "E-mail address",
        [InputRequired("Enter your e-mail address.")],
        filters=[_trimmed],
        render_kw={"autocomplete": "username", "maxlength": accounts.ADDRESS_MAX},
    )

    def validate_email(self, field: Field) -> None:
        _check_address(field)


class ChosenPasswordForm(FlaskForm):
    """The first password, or another one, of who came by a link."""

    password = PasswordField("Password", [InputRequired("Choose a password.")], render_kw=_NEW)
    repeated = PasswordField(
        "Password again",
        [InputRequired("Enter the password again."), EqualTo("password", "The two passwords differ.")],
        render_kw=_NEW,
    )

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def validate_password(self, field: Field) -> None:
        _check_new_password(field.data, self._address)


def _check_address(field: Field) -> None:
    try:
        field.data = accounts.normal_address(field.data)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def _check_new_password(password: str, address: str) -> None:
    problem = accounts.password_problem(password, address)
    if problem:
        raise ValidationError(problem)
