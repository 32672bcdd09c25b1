"""The blueprints of this area, to which its modules add their views."""

from __future__ import annotations

from flask import Blueprint

types = Blueprint("asset_types", __name__, url_prefix="/account/flexible-asset-types")
assets = Blueprint("assets", __name__)
