"""What programs read: organizations and licenses as JSON, with an API key."""

from .views import init_app

__all__ = ["init_app"]
