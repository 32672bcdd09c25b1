"""What is wrong with a setting."""

from __future__ import annotations


class SettingError(ValueError):
    """A setting cannot be used. The message names it and says what to do."""
