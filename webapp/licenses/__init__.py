"""Reading licenses: everyone's, one organization's, one."""

from .views import init_app

__all__ = ["init_app"]
