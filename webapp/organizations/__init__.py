"""Organizations: the list of them, one, adding and editing."""

from .views import init_app

__all__ = ["init_app"]
