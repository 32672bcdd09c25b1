"""What an import of organizations would do with each line, and doing it. The page's dry run, its import and the command
share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from .. import audit
from ..integrations.matching import take_turns
from ..models import AuditArea, ImportKind, Organization, OrganizationDomain, PendingImport, fold
from ..models.base import DbSession
from ..models.portions import in_portions
from ..scope import Scope
from ..text import count_of
from ..uploads import waiting
from . import records
from .reading import Row, Sheet
from .records import Details

# The audit log names the first ones only; its counts are of all.
_MOST_LOGGED = 200
_UPDATED = {"address": "Address", "phone": "Phone", "domains": "Domains"}


class Verdict(StrEnum):
    """What becomes of a line."""

    NEW = "new"
    SAME = "same"
    DIFFERS = "differs"
    DUPLICATE = "duplicate"
    INVALID = "invalid"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Verdict.NEW: "Will be created",
    Verdict.SAME: "There already",
    Verdict.DIFFERS: "Differs",
    Verdict.DUPLICATE: "Duplicate",
    Verdict.INVALID: "Invalid",
}


@dataclass(frozen=True)
class Difference:
    """What an update would change."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Line:
    """A line of the file and what becomes of it; `note` says why where that does not go without saying."""

    row: Row
    verdict: Verdict
    note: str = ""
    organization_id: int | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def numbers(self) -> str:
        """The line's number in the file; a quoted field may go over several."""
        if self.row.line == self.row.last_line:
            return f"{self.row.line:,}"
        return f"{self.row.line:,}–{self.row.last_line:,}"


@dataclass(frozen=True)
class Plan:
    """What an import does with each line of the file."""

    lines: tuple[Line, ...]

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(line.verdict for line in self.lines)

    def of(self, verdict: Verdict) -> Iterator[Line]:
        return (line for line in self.lines if line.verdict == verdict)


@dataclass(frozen=True)
class _Known:
    """An organization that is there."""

    id: int
    details: Details
    is_archived: bool


def plan(session: DbSession, scope: Scope, sheet: Sheet) -> Plan:
    """What importing the sheet would do. Nothing is written; it takes two queries however many lines there are."""
    known = _known(session, scope)
    first_lines: dict[str, int] = {}
    lines = []
    for row in sheet.rows:
        if row.problem:
            lines.append(Line(row, Verdict.INVALID, row.problem))
            continue
        name = fold(row.details.name)
        first = first_lines.setdefault(name, row.line)
        if first != row.line:
            lines.append(Line(row, Verdict.DUPLICATE, f"Duplicate of line {first:,}."))
        else:
            lines.append(_compared(row, known.get(name, ())))
    return Plan(tuple(lines))


def apply(session: DbSession, scope: Scope, sheet: Sheet, update: bool, file_name: str) -> Plan:
    """Import the sheet, in the transaction that is open; the caller commits. Returns what was done.

    Those that are there already stay as they are, unless they are to be updated.
    """
    take_turns(session)
    planned = plan(session, scope, sheet)
    new = [line.row.details for line in planned.of(Verdict.NEW)]
    session.add_all(map(records.made_of, new))
    changed = _update(session, list(planned.of(Verdict.DIFFERS))) if update else []
    if new or changed:
        audit.record(
            AuditArea.RECORDS,
            f"Imported organizations from {file_name}: {len(new):,} created, {len(changed):,} updated",
            created=[details.name for details in new[:_MOST_LOGGED]],
            updated=[line.row.details.name for line in changed[:_MOST_LOGGED]],
        )
    return planned


def said(planned: Plan, update: bool, is_dry_run: bool = False) -> str:
    """One sentence of what an import did, or would do."""
    counts = planned.counts
    created, updated = counts[Verdict.NEW], counts[Verdict.DIFFERS] if update else 0
    left = len(planned.lines) - created - updated
    would = "would be " if is_dry_run else ""
    return (
        f"{count_of(created, 'organization')} {would}created, {updated:,} {would}updated; "
        f"{count_of(left, 'line')} {would}left out."
    )


def keep(session: DbSession, user_id: int, file_name: str, sheet: Sheet) -> PendingImport:
    """Keep an upload until its user imports it, instead of their last one."""
    return waiting.keep(session, user_id, ImportKind.ORGANIZATIONS, file_name, sheet.plain())


def pending(session: DbSession, user_id: int, pending_id: int) -> PendingImport | None:
    """The user's upload of this id, where it is still there and not too old."""
    return waiting.find(session, user_id, ImportKind.ORGANIZATIONS, pending_id)


def take(session: DbSession, user_id: int, pending_id: int) -> tuple[Sheet, str] | None:
    """The user's upload and its file's name; it is then no longer kept. None for all but the first who asks."""
    kept = waiting.take(session, user_id, ImportKind.ORGANIZATIONS, pending_id)
    return None if kept is None else (Sheet.from_plain(kept.content), kept.file_name)


def _known(session: DbSession, scope: Scope) -> dict[str, list[_Known]]:
    domains: dict[int, list[str]] = {}
    every_domain = select(OrganizationDomain.organization_id, OrganizationDomain.domain).order_by(OrganizationDomain.id)
    for organization_id, domain in session.execute(every_domain):
        domains.setdefault(organization_id, []).append(domain)
    columns = (Organization.id, Organization.name, Organization.address, Organization.phone, Organization.archived_at)
    found: dict[str, list[_Known]] = {}
    for organization_id, name, address, phone, archived_at in session.execute(select(*columns).where(scope.includes())):
        details = Details(name, address, phone, tuple(domains.get(organization_id, ())))
        found.setdefault(fold(name), []).append(_Known(organization_id, details, archived_at is not None))
    return found


def _compared(row: Row, known: Sequence[_Known]) -> Line:
    if not known:
        return Line(row, Verdict.NEW)
    if len(known) > 1:
        return Line(row, Verdict.SAME, f"{len(known)} organizations have this name. None of them is changed.")
    [there] = known
    if there.is_archived:
        return Line(row, Verdict.SAME, "It is archived. Bring it back to use it.", there.id)
    differences = tuple(_differences(there.details, row.details))
    return Line(row, Verdict.DIFFERS if differences else Verdict.SAME, "", there.id, differences)


def _differences(there: Details, listed: Details) -> Iterator[Difference]:
    """What the file says otherwise. An empty field says nothing."""
    for field, label in _UPDATED.items():
        before, after = getattr(there, field), getattr(listed, field)
        if field == "domains":
            if after and set(before) != set(after):
                yield Difference(label, ", ".join(before), ", ".join(after))
        elif after and before != after:
            yield Difference(label, before, after)


def _update(session: DbSession, lines: list[Line]) -> list[Line]:
    for portion in in_portions(lines):
        some = {line.organization_id: line.row.details for line in portion}
        query = select(Organization).where(Organization.id.in_(some)).options(selectinload(Organization.domains))
        for organization in session.scalars(query):
            records.put(organization, _merged(records.stored(organization), some[organization.id]))
    return lines


def _merged(there: Details, listed: Details) -> Details:
    given = {field: getattr(listed, field) for field in _UPDATED if getattr(listed, field)}
    return replace(there, **given)
