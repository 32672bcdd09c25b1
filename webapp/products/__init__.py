"""Account > Products: what the SKUs are called, names of one's own, and importing Microsoft's list of names."""

from .views import init_app

__all__ = ["init_app"]
