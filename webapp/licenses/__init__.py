"""Reading licenses: everyone's, one organization's, one."""

# Importing the views is what gives the blueprint its addresses.
from . import holder_views
from .views import init_app

__all__ = ["holder_views", "init_app"]
