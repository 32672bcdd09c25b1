"""What a look at a whole installation finds: each part, whether it is well, and what to do where it is not."""

from .checks import every_check
from .finding import Finding, Health

__all__ = ["Finding", "Health", "every_check"]
