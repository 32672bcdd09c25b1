"""The part of a connection's form that says what the app signs in with: a client secret or a certificate."""

from __future__ import annotations

from typing import Any

from flask_wtf.file import FileField
from wtforms import DateField, PasswordField, RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from ..models import utc_now
from ..page_form import PageForm
from . import certificates, fields
from .proof import CERTIFICATE, SECRET, Proof

# Browsers and password managers must neither fill these in nor correct them.
PLAIN = {"autocomplete": "off", "autocapitalize": "off", "autocorrect": "off", "spellcheck": "false"}
_HIDDEN = {**PLAIN, "autocomplete": "new-password", "maxlength": fields.SECRET_LENGTH}


class SecretTextField(TextAreaField):
    """What is pasted into it is never sent back."""

    def _value(self) -> str:
        return ""


class PlainDateField(DateField):
    """A date that may be left out."""

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist or not valuelist[0].strip():
            self.data = None
            return
        try:
            super().process_formdata([valuelist[0].strip()])
        except ValueError as error:
            raise ValueError("Type the date as in 2027-01-31, or leave it empty.") from error


class ProofForm(PageForm):
    """`proof` is what was given, once the form is valid.

    `stored_with` says what is stored already: that may be kept by giving nothing new.
    """

    sign_in_with = RadioField(
        "Sign in with",
        choices=[SelectChoice(SECRET, "A secret"), SelectChoice(CERTIFICATE, "A certificate")],
        default=SECRET,
    )
    client_secret = PasswordField("Client secret", render_kw=_HIDDEN)
    secret_ends_on = PlainDateField("Expires on", [Optional()])
    certificate = FileField("PEM file", render_kw={"accept": ".pem,.crt,.cer,.key,.txt,application/x-pem-file"})
    certificate_text = SecretTextField("Or paste it", render_kw={**PLAIN, "rows": 4, "data-secret": ""})
    certificate_password = PasswordField("Key password", render_kw=_HIDDEN)

    stored_with: str | None = None
    proof = Proof()

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        is_valid = bool(super().validate(*args, **kwargs))
        if self.sign_in_with.errors:
            return False
        try:
            self.proof = self._with_certificate() if self.sign_in_with.data == CERTIFICATE else self._with_secret()
        except ValueError as error:
            field = self.certificate if self.sign_in_with.data == CERTIFICATE else self.client_secret
            field.errors = [*field.errors, str(error)]
            return False
        if self._ends_before_it_begins():
            self.secret_ends_on.errors = ["This day has passed. Take the date that the app registration shows."]
            return False
        return is_valid

    def _with_secret(self) -> Proof:
        typed = self.client_secret.data or ""
        secret = "" if not typed.strip() and self.stored_with == SECRET else fields.client_secret(typed)
        return Proof(secret, self.secret_ends_on.data)

    def _with_certificate(self) -> Proof:
        file = self.certificate.data
        # One byte more, so that one that is too large is seen to be.
        content = file.read(certificates.LARGEST + 1) if file else (self.certificate_text.data or "").encode()
        if not content.strip() and self.stored_with == CERTIFICATE:
            return Proof()
        password = self.certificate_password.data or ""
        return Proof(certificate=certificates.read(content, password, utc_now()))

    def _ends_before_it_begins(self) -> bool:
        """Whether a new secret is said to have ended."""
        ends_on = self.proof.secret_ends_on
        return bool(self.proof.client_secret and ends_on and ends_on < utc_now().date())
