"""Trying credentials with Microsoft: what is tried, what it reaches, and why it is refused.

It takes seconds and happens between transactions: none is open while Microsoft is asked, so that nobody else waits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from ..extensions import db, vault
from ..models import Cloud, Problem
from . import fields
from .certificates import Certificate
from .proof import Proof

# What tries sealed credentials with Microsoft: `jobs.queue.check_connection`, or the same job in this process.
Ask = Callable[[str], dict[str, Any]]

# What a tenant tells of itself beside its name and default domain.
FACTS = ("domains", "address", "phone")


class Refused(Exception):
    """A connection that was not saved: why, and which field of the form it is about, where it is about one."""

    def __init__(self, problem: Problem, field: str | None = None) -> None:
        super().__init__(problem.reason)
        self.problem = problem
        self.field = field


@dataclass(frozen=True)
class Credentials:
    """What signs in to Microsoft; as `fields` returned it."""

    cloud: Cloud
    tenant: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    # Instead of a secret.
    certificate: Certificate | None = None
    secret_ends_on: date | None = None
    # A partner's app may act for a user, and may read nothing by itself.
    is_partners: bool = False

    @property
    def proof(self) -> Proof:
        return Proof(self.client_secret, self.secret_ends_on, self.certificate)

    def sealed(self) -> str:
        """The credentials as a job's argument, which Redis keeps: encrypted."""
        values = {"cloud": self.cloud.value, "tenant": self.tenant, "client_id": self.client_id}
        partners = {"is_partners": True} if self.is_partners else {}
        return vault.encrypt(json.dumps({**values, **self.proof.as_sealed(), **partners}))


@dataclass(frozen=True)
class Directory:
    """The tenant that the credentials reach, and what could not be read of it."""

    tenant_id: str
    name: str
    default_domain: str
    warning: Problem | None
    domains: str = ""
    address: str = ""
    phone: str = ""


def tried(ask: Ask, credentials: Credentials) -> Directory:
    """Ask Microsoft with no transaction open; return the tenant, or raise `Refused` with Microsoft's reason."""
    sealed = credentials.sealed()
    db.session.rollback()
    answer = ask(sealed)
    if not answer["ok"]:
        problem, about = Problem(**answer["problem"]), answer["field"]
        if about == "client_secret" and fields.is_guid(credentials.client_secret):
            hint = "That looks like the Secret ID; use the secret's Value."
            problem = replace(problem, fix=f"{hint} {problem.fix}")
        raise Refused(problem, about)
    tenant_id, name = answer["tenant_id"], answer["name"]
    if name == tenant_id and not fields.is_guid(credentials.tenant):
        name = credentials.tenant  # Microsoft did not tell the name: the domain that was typed says more than a GUID
    warning = answer["warning"]
    return Directory(
        tenant_id,
        name,
        answer["default_domain"],
        Problem(**warning) if warning else None,
        **{field: answer[field] for field in FACTS},
    )
