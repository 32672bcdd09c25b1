"""Days, which are asked for within a test: all tests together may take from one day to the next."""

from __future__ import annotations

from datetime import date

from webapp.models import utc_now


def today() -> date:
    return utc_now().date()
