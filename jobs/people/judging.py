"""What follows from a user's facts for one tenant: whether it qualifies, and a hash of all that is stored of it."""

from __future__ import annotations

from hashlib import blake2b

from webapp.models.user_rules import Refusal

from ..microsoft.user_facts import Held, UserFacts
from .basis import Basis

_HASH_BYTES = 8  # what a 64-bit integer takes
# Before what a user holds: no address has a tab in it.
_HELD = "\t"


class Judge:
    """The rules and current licenses of one tenant. What many users have in common is worked out once."""

    def __init__(self, basis: Basis) -> None:
        self._rules = basis.rules
        self._license_ids = basis.licenses
        self._syncs_licenses = basis.syncs_licenses
        self._begin = blake2b(repr(basis.generation).encode(), digest_size=_HASH_BYTES)
        self._refusals: dict[tuple[tuple[Held, ...], bool, bool], Refusal | None] = {}
        self._held: dict[tuple[Held, ...], str] = {}

    def refuse(self, facts: UserFacts) -> Refusal | None:
        """Why the user does not qualify; None where it does.

        Licenses that the tenant does not have do not count, unless nobody reads which it has.
        """
        key = (facts.held, facts.is_guest, facts.is_blocked)
        if key not in self._refusals:
            held = [held.sku_id for held in facts.held if held.sku_id in self._license_ids or not self._syncs_licenses]
            refusal = self._rules.refuse(is_guest=facts.is_guest, is_blocked=facts.is_blocked, held=held)
            self._refusals[key] = refusal
        return self._refusals[key]

    def hash_of(self, facts: UserFacts) -> int:
        """A hash of all that is stored of the user, with the rows of the licenses that it holds."""
        held = self._held.get(facts.held)
        if held is None:
            rows = sorted(
                (self._license_ids[one.sku_id], one.is_direct, one.is_through_group)
                for one in facts.held
                if one.sku_id in self._license_ids
            )
            held = self._held[facts.held] = f"{_HELD}{rows}"
        # The address to write to is the first of all.
        texts = (
            facts.user_id,
            f"{facts.is_guest:d}{facts.is_blocked:d}",
            facts.name,
            facts.first_name,
            facts.last_name,
            facts.title,
            facts.phone,
            facts.mobile,
            facts.user_principal_name,
            *facts.addresses,
            held,
        )
        hashed = self._begin.copy()
        hashed.update("\n".join(texts).encode())
        return int.from_bytes(hashed.digest(), signed=True)
