"""What is said of each error: on its page, on a notice, and to a program."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """What an error page says: what happened, and what to do."""

    code: int
    title: str
    text: str
    icon: str = "alert-triangle"
    # What the log files the traceback under.
    reference: str = ""
    # Whether the page may ask who is signed in, which takes the database.
    is_alone: bool = False
    # Where the form is that was sent, to be opened anew.
    form_address: str = ""


TROUBLES = {
    trouble.code: trouble
    for trouble in (
        Trouble(
            400,
            "This request could not be read",
            "Something in it is missing or malformed. Go back, check what was entered, and send it again.",
        ),
        Trouble(401, "Sign in to go on", "Nobody is signed in in this browser, or the session has ended.", "login"),
        Trouble(
            403,
            "Your role does not allow this",
            "Ask an Administrator to do it for you, or to give you a role that may.",
            "lock",
        ),
        Trouble(
            404,
            "There is nothing here",
            "The address is mistyped, or what it showed is gone. Look for it in the lists.",
            "search",
        ),
        Trouble(
            405,
            "This address is not for opening",
            "It takes what a form or a button sends. Go back to the page with that button and press it there.",
            "ban",
        ),
        Trouble(
            409,
            "This cannot be done any more",
            "What it was about has changed meanwhile. Reload the page to see how it stands.",
            "alert-circle",
        ),
        Trouble(413, "This is too large", "Seatledger takes no more than {limit} MB here. Send less.", "alert-circle"),
        Trouble(429, "Too many attempts", "Wait a few minutes, then try again.", "clock"),
        Trouble(
            500,
            "Something went wrong here",
            "Nothing was saved by half. Try again. If it happens again, tell whoever runs this server the reference: "
            "the log has the cause under it.",
        ),
        Trouble(503, "This cannot be done at the moment", "Try again in a moment.", "server-off"),
    )
}

OUTDATED_FORM = Trouble(
    400,
    "This form is out of date",
    "It was opened too long ago, or before somebody signed in or out in this browser. Open it anew and send it "
    "again. Nothing was changed.",
    "refresh",
)
NO_DATABASE = Trouble(
    503,
    "The database does not answer",
    "Nothing was changed. Try again in a moment. If it lasts, whoever runs this server finds at /readyz what is wrong.",
    "database-off",
    is_alone=True,
)
NO_ROOM = Trouble(
    503,
    "There is no room for this on the server's disk",
    "Nothing was changed. Try again in a moment, or send less. If it lasts, this is for whoever runs this server: make "
    "room where temporary files are kept (TMPDIR, else /tmp).",
    "server-off",
    is_alone=True,
)
OLDER_DATABASE = Trouble(
    503,
    "Seatledger is being updated",
    "Its database is older than this version. Try again in a moment. If it lasts, whoever runs this server has to "
    "migrate it yet: `flask db upgrade`. Nothing was changed.",
    "refresh",
    is_alone=True,
)
MIXED_DATABASE = Trouble(
    503,
    "The database is a mixture of versions",
    "A backup was restored into it that belongs in an empty one. Whoever runs this server has to restore it anew: "
    "docs/deploy.md says how. Nothing was changed.",
    "database-off",
    is_alone=True,
)

# Who reads these wrote a program: there is no page to go back to, no button and nobody to sign in.
_TROUBLES_OF_API = {
    trouble.code: trouble
    for trouble in (
        Trouble(400, "This request cannot be answered", "Something in it is missing or malformed."),
        Trouble(
            401,
            "This takes an API key that is in use",
            "Send it as `Authorization: Bearer KEY`. `flask api-keys create` makes one.",
        ),
        Trouble(403, "This API key does not allow this", "Use a key that was made with another role."),
        Trouble(
            404,
            "The API has nothing at this address",
            "What it has is at /api/v1/licenses and /api/v1/organizations.",
        ),
        Trouble(405, "The API is only read", "Send GET."),
    )
}


def trouble_of(code: int, name: str, *, of_api: bool) -> Trouble:
    """What is said of an HTTP error; `name` is its name where there is nothing better to say."""
    if of_api:
        other = Trouble(code, name, "The API does not take such a request.")
        return _TROUBLES_OF_API.get(code) or TROUBLES.get(code) or other
    return TROUBLES.get(code) or Trouble(code, name, "Go back and try it another way.")
