"""Account > Audit log: who did what, and when."""

from .views import init_app

__all__ = ["init_app"]
