"""Contacts: the people in an organization, those of everyone, one of them."""

from .views import init_app

__all__ = ["init_app"]
