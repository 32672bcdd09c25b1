"""What an integration signs in with: a client secret or a certificate, and the sign-in of a partner's user."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from ..extensions import UnreadableSecret, vault
from .base import UtcDateTime

# The columns that are encrypted.
_SECRETS = ("client_secret_encrypted", "certificate_encrypted", "refresh_token_encrypted")


class HasCredentials:
    """The columns of an integration's credentials. What is secret is encrypted; empty is none."""

    client_id: Mapped[str] = mapped_column(Text)
    client_secret_encrypted: Mapped[str] = mapped_column(Text)
    # A private key and its certificate as PEM, instead of a client secret.
    certificate_encrypted: Mapped[str] = mapped_column(Text, default="", server_default="")
    # SHA-1 as Microsoft's portal shows it: 40 hexadecimal digits in upper case.
    certificate_thumbprint: Mapped[str] = mapped_column(Text, default="", server_default="")
    # The last day of the certificate, or of the secret where somebody told it.
    credentials_end_on: Mapped[date | None] = mapped_column(Date)
    # The secure application model: a partner's user has signed in, and the app acts for them.
    acts_for_user: Mapped[bool] = mapped_column(default=False, server_default=false())
    refresh_token_encrypted: Mapped[str] = mapped_column(Text, default="", server_default="")
    signed_in_as: Mapped[str] = mapped_column(Text, default="", server_default="")
    signed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Since when Microsoft no longer takes the refresh token: somebody has to sign in again.
    sign_in_lapsed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def client_secret(self) -> str:
        """The secret itself; empty where there is none. Raises `UnreadableSecret` where its key is gone."""
        return _decrypted(self.client_secret_encrypted)

    @client_secret.setter
    def client_secret(self, secret: str) -> None:
        self.client_secret_encrypted = _encrypted(secret)

    @property
    def certificate(self) -> str:
        """The private key and the certificate as PEM; empty where there is none. Raises `UnreadableSecret`."""
        return _decrypted(self.certificate_encrypted)

    @certificate.setter
    def certificate(self, pem: str) -> None:
        self.certificate_encrypted = _encrypted(pem)

    @property
    def has_readable_credentials(self) -> bool:
        """Whether there is a client secret or a certificate, and the key that it is encrypted with."""
        try:
            return bool(self.client_secret or self.certificate)
        except UnreadableSecret:
            return False

    @property
    def refresh_token(self) -> str:
        """The refresh token of who signed in; empty where nobody did. Raises `UnreadableSecret`."""
        return _decrypted(self.refresh_token_encrypted)

    @refresh_token.setter
    def refresh_token(self, token: str) -> None:
        self.refresh_token_encrypted = _encrypted(token)

    @property
    def sign_in_name(self) -> str:
        """Tells the sign-ins of an app from each other: its own, and each that a partner's user made."""
        return f"{self.signed_in_as}, {self.signed_in_at}" if self.acts_for_user else "the app"

    def use_client_secret(self, secret: str, ends_on: date | None) -> None:
        """Sign in with this secret from now on; a certificate is erased."""
        self.client_secret, self.credentials_end_on = secret, ends_on
        self.certificate_encrypted = self.certificate_thumbprint = ""

    def use_certificate(self, pem: str, thumbprint: str, ends_on: date) -> None:
        """Sign in with this certificate from now on; a secret is erased."""
        self.certificate, self.certificate_thumbprint, self.credentials_end_on = pem, thumbprint, ends_on
        self.client_secret_encrypted = ""

    @property
    def has_certificate(self) -> bool:
        """Whether it signs in with a certificate, and not with a secret."""
        return bool(self.certificate_encrypted)

    def act_for(self, user: str, refresh_token: str, now: datetime) -> None:
        """Act for the partner's user who has just signed in."""
        self.acts_for_user, self.refresh_token = True, refresh_token
        self.signed_in_as, self.signed_in_at, self.sign_in_lapsed_at = user, now, None

    def act_for_nobody(self) -> None:
        """Forget who signed in, and act as the app itself again."""
        self.acts_for_user, self.refresh_token = False, ""
        self.signed_in_as, self.signed_in_at, self.sign_in_lapsed_at = "", None, None

    def lapse_sign_in(self, now: datetime) -> None:
        """The refresh token is of no use any more: it is erased, and somebody has to sign in again."""
        self.refresh_token, self.sign_in_lapsed_at = "", now

    def encrypt_anew(self) -> bool:
        """Encrypt with the first of `ENCRYPTION_KEYS` what another one encrypted; returns whether anything was.

        Raises `UnreadableSecret`, with nothing changed, where one of the secrets cannot be read.
        """
        stored = {name: token for name in _SECRETS if (token := getattr(self, name))}
        renewed = {name: vault.renewed(token) for name, token in stored.items()}
        for name, token in renewed.items():
            setattr(self, name, token)
        return renewed != stored

    def forget_credentials(self) -> None:
        """Erase all that signs in to Microsoft, and what tells of it."""
        self.client_secret_encrypted = self.certificate_encrypted = self.certificate_thumbprint = ""
        self.credentials_end_on = None
        self.act_for_nobody()


def _encrypted(secret: str) -> str:
    return vault.encrypt(secret) if secret else ""


def _decrypted(token: str) -> str:
    return vault.decrypt(token) if token else ""
