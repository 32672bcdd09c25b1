"""What looks like a secret is replaced, and what does not stays."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from logs.redaction import REDACTED, also_redact, redact
from tests.support.pem import key_pem, rsa_key

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2dyYXBoIn0.c2lnbmF0dXJl_-x"
OPAQUE = "EwBwA8l6BAAUO9chh8cJscQLmU-LSWpbnr0vmwwAAQ"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {OPAQUE}", OPAQUE),
        (f"{{'Authorization': 'Bearer {OPAQUE}', 'Accept': 'application/json'}}", OPAQUE),
        (f"authorization=Basic {OPAQUE}=", OPAQUE),
        (f"it was sent bearer {OPAQUE} with it", OPAQUE),
        (f"the token was {JWT}", JWT),
        (JWT, "c2lnbmF0dXJl"),
        ("grant_type=x&client_secret=a%7Eb.c-d_1&scope=y", "a%7Eb.c-d_1"),
        ('{"client_secret": "with \\" a quote and, a comma"}', "comma"),
        ("{'refresh_token': b'it is \\' this'}", "this"),
        ('"{\\"refresh_token\\": \\"inner\\"}"', "inner"),
        ("CLIENT_SECRET = plain-words", "plain-words"),
        ("SMTP_PASSWORD=hunter2hunter2", "hunter2"),
        (f"?code={OPAQUE}&state=1", OPAQUE),
        (f"client_assertion={JWT}", "eyJ"),
        (f"sealed as {Fernet(Fernet.generate_key()).encrypt(b'x').decode()}", "gAAAAA"),
        (f"0.AXoA{OPAQUE}.AgABAwEAAAA", OPAQUE),
        ("abc8Q~" + "d" * 34, "8Q~"),
        ("a key slk_" + "k" * 32 + " of ours", "slk_"),
        ("GET /invitation/abcdefghijklmnop", "abcdefghijklmnop"),
        ("redis://user:hunter2@10.0.0.1:6379/0", "hunter2"),
        ("postgresql+psycopg://keeper:s3cret@db/x", "s3cret"),
        ("Set-Cookie: session=abc; path=/", "abc"),
    ],
)
def test_a_secret_is_replaced(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redact(text)
    assert REDACTED in redact(text)


def test_a_private_key_is_replaced_whole_also_where_its_end_is_missing_or_its_lines_are_escaped() -> None:
    key = key_pem(rsa_key())
    for text in (key, key[:-40], repr(key), key.replace("\n", "\\n")):
        found = redact(f"before {text}")
        assert REDACTED in found
        assert found.startswith("before ")
        assert key.splitlines()[3] not in found


@pytest.mark.parametrize(
    "text",
    [
        "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the client secret value.",
        "graph.microsoft.com answered 403 at /v1.0/users",
        "The tenant failed: The app lacks the permission User.Read.All in this tenant.",
        "error code=invalid_client",
        "https://graph.microsoft.com:443/v1.0/subscribedSkus",
        "5b3c8a6e-1f0e-4c2e-9d4a-0123456789ab",
        "Microsoft's answer was not what its documentation says: the sign-in's answer holds no token",
    ],
)
def test_what_people_need_stays(text: str) -> None:
    assert redact(text) == text


def test_what_is_known_to_be_secret_is_replaced_wherever_it_stands() -> None:
    also_redact(["the one and only", "short"])
    assert redact("it is the one and only, in short") == f"it is {REDACTED}, in short"


@pytest.mark.parametrize(
    "piece",
    ["eyJ", "Bearer ", "token", "secret=", "-----BEGIN PRIVATE KEY-----", "a:", "://a:", "0.A", "gAAAAA", '"\\'],
)
def test_text_that_is_made_to_take_long_comes_through(piece: str) -> None:
    # A pattern that goes back and forth in it would not end within this test's patience.
    text = piece * (400_000 // len(piece))
    assert len(redact(text)) <= len(text) * len(REDACTED)
