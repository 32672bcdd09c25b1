"""What is refused for a reason that whoever asked is told."""

from __future__ import annotations


class Refused(Exception):
    """It is not done; the message says why, in a sentence or two."""


LAST_ADMINISTRATOR = (
    "This is the last Administrator who can sign in, and without one nobody could manage users. Make somebody else "
    "an Administrator first."
)
OWN_ROLE = "Nobody changes their own role, or shuts themselves out. Ask another Administrator to do it."
LITE_TAKES_NO_ALL = "Lite users are given organizations one by one, never all at once. Choose those that they read."
