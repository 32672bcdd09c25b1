"""The users of a tenant: which of them are contacts, what is written of them, and who holds which license."""

from __future__ import annotations


class WholeReadNeeded(Exception):
    """What changed among the tenant's users does not say enough: they must be read whole, and written anew."""
