"""Microsoft's clouds."""

from __future__ import annotations

from .base import UNKNOWN, Stored


class Cloud(Stored):
    """Microsoft's national clouds; each has hosts of its own (Graph: "National cloud deployments")."""

    GLOBAL = "global"
    USGOV = "usgov"
    DOD = "dod"
    CHINA = "china"

    @property
    def label(self) -> str:
        return _CLOUD_LABELS.get(self, UNKNOWN)

    @property
    def login_url(self) -> str:
        """Where people and programs sign in to it, without a closing slash (Entra: "National clouds")."""
        return _LOGIN_URLS[self]


_CLOUD_LABELS = {
    Cloud.GLOBAL: "Global (also GCC)",
    Cloud.USGOV: "US government (GCC High)",
    Cloud.DOD: "US Department of Defense",
    Cloud.CHINA: "China (operated by 21Vianet)",
}
_LOGIN_URLS = {
    Cloud.GLOBAL: "https://login.microsoftonline.com",
    Cloud.USGOV: "https://login.microsoftonline.us",
    Cloud.DOD: "https://login.microsoftonline.us",
    Cloud.CHINA: "https://login.partner.microsoftonline.cn",
}
