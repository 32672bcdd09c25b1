"""Discovery of Entra ID: the OpenID Connect metadata of a tenant, its signing keys, and the list of clouds.

https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sandbox.messages import Answer, Request, json_answer
from sandbox.route import Call, Route


def openid_configuration(call: Call) -> Answer:
    """The tenant's metadata. Endpoints carry the tenant's GUID, whatever name it was asked for by, as Entra ID does."""
    base = call.request.base_url
    own = f"{base}/{call.tenant.tenant_id}"
    return json_answer(
        200,
        {
            "token_endpoint": f"{own}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{own}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{own}/v2.0",
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": f"{base}/oidc/userinfo",
            "authorization_endpoint": f"{own}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{own}/oauth2/v2.0/devicecode",
            "http_logout_supported": True,
            "frontchannel_logout_supported": True,
            "end_session_endpoint": f"{own}/oauth2/v2.0/logout",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
            "kerberos_endpoint": f"{own}/kerberos",
            "tenant_region_scope": call.tenant.organization.get("tenantRegionScope", "EU"),
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        },
    )


def keys(call: Call) -> Answer:
    return json_answer(200, call.world.tokens.keys())


def instance_discovery(request: Request) -> Answer:
    """Which hosts are one cloud, and where the tenant that was asked about has its metadata."""
    host = request.base_url.removeprefix("https://")
    # Of the address asked about only the tenant counts: msal leaves the port out of it.
    asked = urlsplit(request.query.get("authorization_endpoint", "")).path.strip("/").split("/")[0]
    own = f"{request.base_url}/{asked or 'common'}"
    return json_answer(
        200,
        {
            "tenant_discovery_endpoint": f"{own}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        },
    )


ROUTES = (
    Route("login", "openid", "GET", "/{tenant}/v2.0/.well-known/openid-configuration", openid_configuration),
    Route("login", "keys", "GET", "/{tenant}/discovery/v2.0/keys", keys),
)
