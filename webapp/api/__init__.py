"""What programs read: organizations, licenses and sync runs as JSON, with an API key."""

from .views import init_app

__all__ = ["init_app"]
