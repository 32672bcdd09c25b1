"""How much of what there may be: far more than anybody needs, and little enough that every page stays quick."""

from __future__ import annotations

MOST_TYPES = 100
MOST_FIELDS = 50
MOST_OPTIONS = 200
# Of types, of fields, of each option of a select.
LONGEST_NAME = 100
LONGEST_DESCRIPTION = 500

LONGEST_ASSET_NAME = 200
LONGEST_TEXT = 5000
# Contacts in one field of one asset.
MOST_TAGS = 200
# People and groups that one asset's security settings name.
MOST_NAMED = 500
