"""The AADSTS codes that a managed service provider meets, in plain words, each with what to do.

Sources: Entra, "Microsoft Entra authentication and authorization error codes"
(https://learn.microsoft.com/entra/identity-platform/reference-error-codes); 7000229, "Authentication
Troubleshooting" of the Teams SDK; 700024, "Troubleshoot service principal authentication" of the Azure SDKs; 5000225,
"Tenant inaccessible due to inactivity". Microsoft may change codes at any time, so an unknown one is shown as it came.
"""

from __future__ import annotations

from typing import NamedTuple

CONSENT = (
    "In the Entra admin center open App registrations > your app > API permissions and choose Grant admin consent, "
    "signed in as an administrator of this tenant."
)


class Meaning(NamedTuple):
    """What a code means and what to do; `field` is the part of the credentials at fault, where one is."""

    reason: str
    fix: str
    field: str | None = None
    # An administrator of the tenant puts it right by consenting to the app.
    needs_consent: bool = False
    # Asking again later may help, without anybody changing anything.
    is_passing: bool = False
    # The user whom the app acts for has to sign in again.
    needs_person: bool = False


_SIGN_IN_AGAIN = (
    "Sign in again as the partner's user: Microsoft wants to see the person, which no app can stand in for."
)
_POLICY = "Exclude the app from the policy, or allow this server's address, under Protection > Conditional Access."
_USER = "Check the account in the partner's Entra admin center under Users, then sign in again with it."
_LATER = "Nothing needs to be done: this usually passes, and the next sync takes this tenant up again."
_TENANT_ID = "Check the tenant id (Entra admin center > Overview > Tenant ID)"
_CERTIFICATE = (
    "Check under Certificates & secrets of the app registration that the certificate is there and has not expired, "
    "and that it is the one entered here."
)

_APP: dict[int, Meaning] = {
    700016: Meaning(
        "The app registration was not found in this tenant.",
        "Check the client id and the tenant id: both stand on the app registration's Overview page. The app must be "
        "registered in this tenant, or an administrator of this tenant must have consented to it.",
        "client_id",
        needs_consent=True,
    ),
    700011: Meaning("The app was not found in this tenant.", CONSENT, "client_id", needs_consent=True),
    70001: Meaning(
        "The app registration was not found in this tenant.",
        "Check the client id and the tenant id on the app registration's Overview page.",
        "client_id",
        needs_consent=True,
    ),
    7000229: Meaning("The app has no service principal in this tenant.", CONSENT, "client_id", needs_consent=True),
    7000112: Meaning(
        "The app is disabled.",
        "Enable it under Enterprise applications > your app > Properties > Enabled for users to sign in.",
        "client_id",
    ),
    1000031: Meaning(
        "The app cannot be used in this tenant at this time.",
        "Ask the tenant's administrator whether it was blocked under Enterprise applications > your app > Properties.",
        "client_id",
    ),
    50194: Meaning(
        "The app registration is for its own tenant only.",
        "Set Supported account types to Multiple organizations under Authentication of the app registration, or give "
        "this tenant an app registration and an integration of its own.",
        "client_id",
    ),
    500011: Meaning(
        "Microsoft Graph is not available to this app in this tenant.",
        "Check that the cloud is the tenant's own, and that the app has Microsoft Graph permissions.",
        "cloud",
    ),
    50001: Meaning(
        "Microsoft Graph is disabled in this tenant, or not there.",
        "Check that the cloud is the tenant's own, then ask Microsoft's support for the tenant.",
        "cloud",
    ),
}

_CONSENT_CODES: dict[int, Meaning] = {
    65001: Meaning("This tenant's administrator has not consented to the app.", CONSENT, needs_consent=True),
    65004: Meaning("Consent to the app was declined in this tenant.", CONSENT, needs_consent=True),
    65005: Meaning(
        "The app registration does not list the permissions that it asks for.",
        "Add the Microsoft Graph application permissions under API permissions of the app registration, then let an "
        "administrator of this tenant consent.",
        needs_consent=True,
    ),
    650052: Meaning(
        "This tenant has no subscription to a service that the app asks for.",
        "Remove permissions to services other than Microsoft Graph from the app registration, then consent again.",
        needs_consent=True,
    ),
    650056: Meaning(
        "The app has no permissions in this tenant, or nobody consented to them.",
        "Add the Microsoft Graph application permissions under API permissions of the app registration, then let an "
        "administrator of this tenant consent.",
        needs_consent=True,
    ),
    650057: Meaning(
        "Microsoft Graph is not among the permissions of the app registration.",
        "Add the Microsoft Graph application permissions under API permissions of the app registration, then let an "
        "administrator of this tenant consent.",
        needs_consent=True,
    ),
    90008: Meaning("This tenant has not consented to the app.", CONSENT, needs_consent=True),
    90094: Meaning("Only an administrator of this tenant can consent to the app.", CONSENT, needs_consent=True),
    90095: Meaning("Only an administrator of this tenant can consent to the app.", CONSENT, needs_consent=True),
    90099: Meaning(
        "The app is not authorized in this customer's tenant, so partners cannot use it there.",
        "Let an administrator of this tenant consent to the app, or pre-consent to it in Partner Center.",
        needs_consent=True,
    ),
}

_CREDENTIALS: dict[int, Meaning] = {
    7000215: Meaning(
        "The client secret is wrong.",
        "Copy the secret's Value, not its Secret ID, from Certificates & secrets. The Value is shown only when the "
        "secret is made: make a new one where it is lost.",
        "client_secret",
    ),
    70002: Meaning(
        "The client secret is wrong.",
        "Copy the secret's Value, not its Secret ID, from Certificates & secrets, or make a new secret.",
        "client_secret",
    ),
    7000222: Meaning(
        "The client secret has expired.",
        "Make a new client secret under Certificates & secrets of the app registration and enter its Value here.",
        "client_secret",
    ),
    7000218: Meaning(
        "The app registration expects another kind of sign-in.",
        "Set it up as a confidential client (Web) with a client secret under Certificates & secrets.",
        "client_secret",
    ),
    700025: Meaning(
        "The app registration is a public client, which has no secret.",
        "Switch Allow public client flows off under Authentication of the app registration.",
        "client_id",
    ),
    700027: Meaning("The app's certificate is not valid for this app.", _CERTIFICATE, "certificate"),
    700030: Meaning("The subject of the app's certificate is not authorized.", _CERTIFICATE, "certificate"),
    50012: Meaning("The app's certificate or signature was not accepted.", _CERTIFICATE, "certificate"),
    50017: Meaning("The app's certificate could not be validated.", _CERTIFICATE, "certificate"),
    700024: Meaning(
        "The sign-in was signed for another time than Microsoft's.",
        "Check this server's clock: it must be right to within a few minutes.",
    ),
}

_TENANTS: dict[int, Meaning] = {
    90002: Meaning("No tenant with this id exists in this cloud.", f"{_TENANT_ID} and the cloud.", "tenant"),
    900023: Meaning(
        "This is not a tenant id.",
        "Enter the tenant's GUID (Entra admin center > Overview > Tenant ID) or one of its domains.",
        "tenant",
    ),
    50059: Meaning("Microsoft cannot tell which tenant is meant.", f"{_TENANT_ID}.", "tenant"),
    50128: Meaning("No tenant has this domain.", f"{_TENANT_ID} or the domain.", "tenant"),
    90019: Meaning("Microsoft cannot tell which tenant is meant.", f"{_TENANT_ID}.", "tenant"),
    5000225: Meaning(
        "Microsoft has blocked this tenant because nobody used it.",
        "The tenant's administrator can ask Microsoft's support within 20 days to activate it again; after that it is "
        "deleted. Ignore it under Match Tenants where it is not needed any more.",
        "tenant",
    ),
    90038: Meaning("This tenant is in another of Microsoft's clouds.", "Choose the cloud of this tenant.", "cloud"),
    90051: Meaning("This tenant is in another of Microsoft's clouds.", "Choose the cloud of this tenant.", "cloud"),
    900382: Meaning(
        "Confidential clients are not supported across clouds.", "Choose the cloud of this tenant.", "cloud"
    ),
    900432: Meaning(
        "Confidential clients are not supported across clouds.", "Choose the cloud of this tenant.", "cloud"
    ),
    **dict.fromkeys(
        (50002, 500021, 500022),
        Meaning(
            "A proxy on the way to Microsoft allows other tenants only.",
            "Add this tenant to the tenant restrictions of the proxy that this server's traffic passes.",
        ),
    ),
    500212: Meaning(
        "The partner's cross-tenant access settings do not allow this tenant.",
        "Allow outbound access under External Identities > Cross-tenant access settings of the partner's tenant.",
    ),
    500213: Meaning(
        "This tenant's cross-tenant access settings do not allow the partner.",
        "Ask its administrator to allow inbound access under External Identities > Cross-tenant access settings.",
    ),
}

_POLICIES: dict[int, Meaning] = {
    53003: Meaning("A Conditional Access policy of this tenant blocks the app.", _POLICY),
    50131: Meaning("A Conditional Access policy of this tenant blocks the app.", _POLICY),
    530032: Meaning("A security policy of this tenant blocks the app.", _POLICY),
    530035: Meaning("The security defaults of this tenant block the sign-in.", _POLICY),
    53000: Meaning("A Conditional Access policy of this tenant asks for a compliant device.", _POLICY),
    53001: Meaning("A Conditional Access policy of this tenant asks for a joined device.", _POLICY),
    53011: Meaning("Microsoft sees a risk in the partner's user and blocks the account.", _USER),
    530034: Meaning("Microsoft sees a risk in the partner's user and blocks delegated administration.", _USER),
}

_USERS: dict[int, Meaning] = {
    50034: Meaning("The account does not exist in this tenant.", "Check the tenant id and the client id.", "tenant"),
    50020: Meaning("The account does not exist in this tenant.", _USER),
    51004: Meaning("The account does not exist in this tenant.", _USER),
    90072: Meaning("The account does not exist in this tenant.", _USER),
    50053: Meaning("The account is locked, or the sign-in came from an address that Microsoft blocks.", _USER),
    50055: Meaning("The account's password has expired.", _USER),
    50144: Meaning("The account's password has expired.", _USER),
    50057: Meaning("The account is disabled.", _USER),
    50126: Meaning("The user name or the password is wrong.", _USER),
    50105: Meaning(
        "The account is not assigned to the app.",
        "Assign it under Enterprise applications > your app > Users and groups, or switch Assignment required off.",
    ),
    **dict.fromkeys(
        (50072, 50079),
        Meaning("The account has no multifactor authentication yet.", _SIGN_IN_AGAIN, needs_person=True),
    ),
    **dict.fromkeys(
        (50074, 50076, 50078, 50158),
        Meaning("This tenant asks for multifactor authentication.", _SIGN_IN_AGAIN, needs_person=True),
    ),
    **dict.fromkeys(
        (50089, 50132, 50133, 50173, 54005, 70000, 70008, 70043, 700003, 700082, 700084),
        Meaning("The partner's sign-in has expired or was withdrawn.", _SIGN_IN_AGAIN, needs_person=True),
    ),
}

_REDIRECTS: dict[int, Meaning] = {
    **dict.fromkeys(
        (50011, 500113, 500112),
        Meaning(
            "The app registration does not know the address to come back to after the sign-in.",
            "Add the redirect URI that Edit Connection shows under Authentication of the app registration, as a Web "
            "platform, to the letter.",
        ),
    ),
    **dict.fromkeys(
        (50147, 50148, 501481),
        Meaning("The sign-in was not begun by this browser, or not by its latest attempt.", "Sign in again."),
    ),
    700005: Meaning("The sign-in was begun at another tenant.", "Sign in again, as a user of the partner's tenant."),
}

_PASSING: dict[int, Meaning] = dict.fromkeys(
    (50033, 90006, 90012, 90024, 90033, 90055, 90090),
    Meaning("Microsoft's sign-in service is not available at the moment.", _LATER, is_passing=True),
)

SIGN_IN_CODES: dict[int, Meaning] = {
    **_APP,
    **_CONSENT_CODES,
    **_CREDENTIALS,
    **_TENANTS,
    **_POLICIES,
    **_USERS,
    **_REDIRECTS,
    **_PASSING,
}
