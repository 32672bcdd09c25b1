"""The address at which a tenant's administrator consents to an app.

Source: Entra, "Grant tenant-wide admin consent to an application", "Construct the URL for granting tenant-wide admin
consent" (https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent).
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from ..models import Cloud, SyncPart


def admin_consent_url(cloud: Cloud, tenant: str, client_id: str) -> str | None:
    """Where an administrator of the tenant, its GUID or a domain of it, consents to the app; None in an unknown cloud.

    It is Microsoft's own address of the cloud, wherever this server sends its sign-ins: people open it in a browser.
    """
    if not cloud.is_known:
        return None
    return f"{cloud.login_url}/{quote(tenant, safe='')}/adminconsent?{urlencode({'client_id': client_id})}"


def consent_url_of(part: SyncPart) -> str | None:
    """The address for what a part failed for, where consent puts that right."""
    if not part.needs_consent:
        return None
    integration = part.tenant.integration
    return admin_consent_url(integration.cloud, part.tenant.tenant_id, integration.client_id)
