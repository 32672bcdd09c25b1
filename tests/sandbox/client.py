"""A client that speaks Microsoft's protocol to the sandbox, with requests and nothing of the sandbox's own code."""

from __future__ import annotations

from typing import Any

import requests

from sandbox import Tenant


class Client:
    """One session, and so its connections."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url = url
        self.session = session

    def openid(self, name: str) -> requests.Response:
        return self.session.get(f"{self.url}/{name}/v2.0/.well-known/openid-configuration", timeout=10)

    def sign_in(self, tenant: Tenant, **changes: str | None) -> requests.Response:
        """Posts the client credentials of a tenant; a change to None leaves a field out."""
        form = {
            "grant_type": "client_credentials",
            "client_id": tenant.client_id,
            "client_secret": tenant.secret,
            "scope": "https://graph.microsoft.com/.default",
            **changes,
        }
        address = f"{self.url}/{tenant.tenant_id}/oauth2/v2.0/token"
        return self.session.post(address, {key: value for key, value in form.items() if value is not None}, timeout=10)

    def token(self, tenant: Tenant) -> str:
        return str(self.sign_in(tenant).json()["access_token"])

    def graph(self, token: str, path: str, method: str = "GET", **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        options = {"timeout": 10, **options}
        return self.session.request(method, f"{self.url}/v1.0/{path}", headers=headers, **options)
