"""The database: its version, its clock, and whether the secrets in it can be read and are still taken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from .. import schema_version
from ..database import reason_of
from ..engines.postgresql import driver_of
from ..extensions import UnreadableSecret, db
from ..foreseen import foreseen_refusal
from ..models import UNREADABLE_SECRET, Integration
from ..refusals import IN_A_HURRY, refusal_of
from ..text import at_the_end, count_of, first_of
from .clock import compare_clocks
from .finding import Finding, doubtful, ill, well
from .pooler import check_pooler

# What ends a statement or a transaction that takes longer; in milliseconds, and 0 for never. Who writes a tenant may
# wait for another who writes one of very many users.
_LIMITS = text("""
    SELECT name || ' = ' || current_setting(name) FROM pg_settings
    WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout') AND setting::bigint BETWEEN 1 AND :most
    ORDER BY name
""")
_LONG_ENOUGH_MS = 60_000
_LEAST_POSTGRESQL = 14
_SIGN_IN = "Open Actions > Edit Connection of the integration and choose Sign in as a partner user."


def check_database() -> Iterator[Finding]:
    try:
        problem = schema_version.look().problem
    except SQLAlchemyError as error:
        if refusal := refusal_of(error):
            yield ill("database", refusal.reason, refusal.fix)
            return
        fix = (
            "Check that it is running and that DATABASE_URL is right: the address, the user and its password, the "
            "database's name, and sslrootcert where sslmode asks for an authority."
        )
        yield ill("database", f"The database does not answer: {at_the_end(reason_of(error))}", fix)
        return
    if problem:
        what, _, fix = problem.partition(". ")
        yield ill("database", f"{what}.", fix)
        return
    with db.engine.connect() as connection:
        if refusal := foreseen_refusal(connection):
            yield ill("database", refusal.reason, refusal.fix)
            return
        yield well("database", f"{_name(connection)} answers, and is of this version.")
        if connection.dialect.name == "postgresql":
            told: datetime = connection.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
            yield compare_clocks("clock of the database", "the database's", told.astimezone(UTC))
            yield from _check_version(driver_of(connection).info.server_version // 10_000)
            yield from _check_encoding(connection)
            yield from _check_hurry(connection)
            yield from check_pooler()


def _check_version(major: int) -> Iterator[Finding]:
    if major < _LEAST_POSTGRESQL:
        yield doubtful(
            "version of the database",
            f"PostgreSQL {major} is older than {_LEAST_POSTGRESQL}, the first that Seatledger is made for.",
            "Install a newer one: make a backup with pg_dump, and restore it there as docs/deploy.md says.",
        )


def _check_encoding(connection: Connection) -> Iterator[Finding]:
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        yield doubtful(
            "encoding of the database",
            f"The database's encoding is {encoding}: names that it lacks the characters of cannot be stored or found.",
            "Make one with `createdb --encoding=UTF8 --template=template0`, and restore a backup into it.",
        )


def _check_hurry(connection: Connection) -> Iterator[Finding]:
    limits = connection.scalars(_LIMITS, {"most": _LONG_ENOUGH_MS}).all()
    if limits:
        told = f"This user is allowed so long and no more ({', '.join(limits)}): a sync begins anew what takes longer."
        yield doubtful("limits of the database", told, IN_A_HURRY.fix)


def check_secrets() -> Iterator[Finding]:
    try:
        integrations = db.session.scalars(select(Integration).where(Integration.is_live).order_by(Integration.id)).all()
    except SQLAlchemyError:
        db.session.rollback()
        return  # said of the database already
    unreadable = [integration.name for integration in integrations if not integration.has_readable_credentials]
    signed_out = [integration.name for integration in integrations if not _can_be_signed_in(integration)]
    if unreadable:
        text = f"{UNREADABLE_SECRET.reason} It is that of: {first_of(unreadable)}."
        yield ill("secrets", text, UNREADABLE_SECRET.fix)
    if signed_out:
        text = f"The stored sign-in of a partner user cannot be decrypted. It is that of: {first_of(signed_out)}."
        yield ill("secrets", text, f"Put its key back into ENCRYPTION_KEYS, or let the user sign in anew. {_SIGN_IN}")
    if not unreadable and not signed_out:
        yield well("secrets", f"The credentials of {count_of(len(integrations), 'integration')} can be decrypted.")
    lapsed = [one.name for one in integrations if one.acts_for_user and one.sign_in_lapsed_at is not None]
    if lapsed:
        # As after a backup was restored in which the sign-in is older than the one that was made since.
        text = f"Microsoft no longer takes the sign-in of the partner user, so nothing is synced: {first_of(lapsed)}."
        yield doubtful("sign-ins of partner users", text, _SIGN_IN)


def _can_be_signed_in(integration: Integration) -> bool:
    """Whether the user's sign-in can be read, where there is one: its key may be another than that of the secret."""
    try:
        return not integration.acts_for_user or bool(integration.refresh_token or integration.sign_in_lapsed_at)
    except UnreadableSecret:
        return False


def _name(connection: Connection) -> str:
    version = ".".join(map(str, connection.dialect.server_version_info or ()))
    return f"{'PostgreSQL' if connection.dialect.name == 'postgresql' else 'SQLite'} {version}".strip()
