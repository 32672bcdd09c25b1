"""What proves to Microsoft that it is the app that signs in: a client secret or a certificate; and when it ends."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

from ..models import Integration
from .certificates import Certificate

WARNING_DAYS = 30

SECRET, CERTIFICATE = "client secret", "certificate"


@dataclass(frozen=True)
class Proof:
    """A client secret or a certificate, whichever was given; one with neither says nothing new.

    `secret_ends_on` is the last day of a secret, where somebody told it; a certificate tells its own.
    """

    client_secret: str = field(default="", repr=False)
    secret_ends_on: date | None = None
    certificate: Certificate | None = None

    @property
    def is_given(self) -> bool:
        return bool(self.client_secret or self.certificate)

    @classmethod
    def stored(cls, integration: Integration) -> Self:
        """What the integration has. Raises `UnreadableSecret`."""
        if integration.has_certificate:
            ends_on = integration.credentials_end_on or date.max
            kept = Certificate(integration.certificate, integration.certificate_thumbprint, ends_on)
            return cls(certificate=kept)
        return cls(integration.client_secret, integration.credentials_end_on)

    def keep_in(self, integration: Integration) -> None:
        """Store it in place of what was there; where nothing new was given, only when the secret ends."""
        if self.certificate is not None:
            integration.use_certificate(self.certificate.pem, self.certificate.thumbprint, self.certificate.ends_on)
        elif self.client_secret:
            integration.use_client_secret(self.client_secret, self.secret_ends_on)
        elif not integration.has_certificate:
            integration.credentials_end_on = self.secret_ends_on

    def as_sealed(self) -> dict[str, str]:
        """The part of a job's argument; the caller encrypts it."""
        if self.certificate is not None:
            return {"client_secret": "", "certificate": self.certificate.pem}
        return {"client_secret": self.client_secret}


def told(integration: Integration) -> dict[str, Any]:
    """What may be told of the stored credentials: in the audit log, in lists, to anybody who manages integrations."""
    ends_on = integration.credentials_end_on
    return {
        "credentials": kind_of(integration),
        "credentials_end_on": ends_on.isoformat() if ends_on else None,
        "certificate_thumbprint": integration.certificate_thumbprint or None,
    }


def mark_of(integration: Integration) -> str:
    """What tells the stored credentials from others, and nothing of what they are: made of how they are encrypted."""
    stored = f"{integration.client_secret_encrypted} {integration.certificate_thumbprint}"
    return hashlib.sha256(stored.encode()).hexdigest()


def kind_of(integration: Integration) -> str | None:
    if integration.has_certificate:
        return CERTIFICATE
    return SECRET if integration.client_secret_encrypted else None


@dataclass(frozen=True)
class Expiry:
    """An end of the credentials that is near, or past."""

    what: str
    ends_on: date
    days_left: int

    @property
    def is_over(self) -> bool:
        return self.days_left < 0

    @property
    def badge(self) -> str:
        return f"{self.what.capitalize()} {'expired' if self.is_over else 'expires soon'}"

    @property
    def sentence(self) -> str:
        if self.is_over:
            return f"The {self.what} expired on {self.ends_on}. Until there is a new one, nothing can be synced."
        when = {0: "today", 1: "tomorrow"}.get(self.days_left, f"in {self.days_left} days")
        return f"The {self.what} expires {when}, on {self.ends_on}. After that, nothing can be synced."


def expiry_of(integration: Integration, today: date) -> Expiry | None:
    """The end of the integration's credentials, from 30 days before it on; None where there is nothing to warn of."""
    ends_on, what = integration.credentials_end_on, kind_of(integration)
    if ends_on is None or what is None:
        return None
    days_left = (ends_on - today).days
    return Expiry(what, ends_on, days_left) if days_left <= WARNING_DAYS else None
