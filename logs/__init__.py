"""What every process writes to its log: as text or as JSON, with what it is about, and without secrets.

It stands below everything else and imports nothing of the app, so that gunicorn can use it before there is an app.
"""

from .context import log_context
from .setup import configuration, configure

__all__ = ["configuration", "configure", "log_context"]
