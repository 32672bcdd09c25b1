"""What may be typed for a connection, for the form and the command line alike.

Each function returns the text as it is kept, or raises `ValueError` with a sentence that says what to type instead.
"""

from __future__ import annotations

import re

from ..text import name as as_name
from ..text import one_line

NAME_LENGTH = 100
SECRET_LENGTH = 1000

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+{_LABEL}", re.IGNORECASE)


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text.strip()) is not None


def name(text: str) -> str:
    text = as_name(text, NAME_LENGTH)
    if not text:
        raise ValueError("Give the integration a name, so that you tell it from others.")
    return text


def tenant(text: str) -> str:
    """A tenant's GUID, in lower case, or one of its domains."""
    text = text.strip()
    if not text:
        raise ValueError("Type the Directory (tenant) ID, or one of the tenant's domains.")
    if "/" in text:
        raise ValueError(
            "This is a web address. Type only the Directory (tenant) ID, or a domain such as contoso.onmicrosoft.com."
        )
    if "@" in text:
        raise ValueError("This is an e-mail address. Type only the domain: the part after the @.")
    if not is_guid(text) and not _DOMAIN.fullmatch(text):
        raise ValueError(
            "This is neither a tenant ID, such as 72f988bf-86f1-41af-91ab-2d7cd011db47, nor a domain, such as "
            "contoso.onmicrosoft.com. Copy the Directory (tenant) ID from the app registration's Overview."
        )
    return text.lower()


def client_id(text: str) -> str:
    """The application's GUID, in lower case."""
    text = text.strip()
    if is_guid(text):
        return text.lower()
    if not text:
        raise ValueError("Type the Application (client) ID.")
    if "~" in text:
        raise ValueError(
            "That looks like a client secret. Copy the Application (client) ID from the app registration's Overview."
        )
    raise ValueError(
        "An Application (client) ID looks like 11112222-bbbb-3333-cccc-4444dddd5555. Copy it from the app "
        "registration's Overview; it is not the app's name."
    )


def client_secret(text: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError("Type the client secret's Value.")
    if len(text) > SECRET_LENGTH:
        too_long = f"The client secret has {len(text):,} characters"
        raise ValueError(f"{too_long}; Microsoft's are shorter than {SECRET_LENGTH:,}.")
    if one_line(text) != text:
        raise ValueError(
            "The client secret holds a line break, a tab, several spaces or an invisible character. Copy it again."
        )
    return text
