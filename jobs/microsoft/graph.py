"""The Graph client: read one resource, all pages of a collection, or the first pages of several at once.

Sources: Graph, "Paging Microsoft Graph data in your app", "Microsoft Graph throttling guidance", "Combine multiple HTTP
requests using JSON batching".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from . import batch
from .errors import (
    BadAnswer,
    Expired,
    HeldBack,
    MicrosoftError,
    Refused,
    ServerFailed,
    SignInRefused,
    Throttled,
    TlsFailed,
    Transient,
    Unreachable,
)
from .noting import note_batched
from .pace import Pace
from .page import Ask, Page
from .patience import SOMEBODY_WAITS, Patience, begun_anew, patiently
from .reply import Reply
from .signin import SignIn
from .transport import Transport

# Pages that a small collection may have; one that goes on is not what it should be.
MAX_PAGES = 200

_VERSION = "/v1.0"
_DEFAULT_PORTS = {"https": 443, "http": 80}
# So long a thread itself waits: it keeps nobody else from anything.
_MOMENT_SECONDS = 1.1
# In a batch these are about the batch rather than about what was asked for: it is asked for once more, by itself.
_ALONE = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FAILED_DEPENDENCY}


class GraphClient:
    """Reads from Graph as the app that is signed in. All methods raise the errors of `jobs.microsoft.errors`."""

    def __init__(
        self,
        base_url: str,
        sign_in: SignIn,
        transport: Transport,
        sleep: Callable[[float], None] = time.sleep,
        patience: Patience = SOMEBODY_WAITS,
        pace: Pace | None = None,
    ) -> None:
        self._base_url = f"{base_url}{_VERSION}"
        self._origin = _origin(base_url)
        self._sign_in = sign_in
        self._transport = transport
        self._sleep = sleep
        self._patient = partial(patiently, sleep=sleep, patience=patience)
        self._pace = pace

    def all(self, path: str, select: str, permission: str) -> list[Any]:
        """All items of a small collection."""
        return begun_anew(lambda: [item for page in self.pages(path, select, permission) for item in page])

    def pages(self, path: str, select: str, permission: str, max_pages: int = 0) -> Iterator[list[Any]]:
        """The pages of a collection, each a list of its items; `permission` names what reading it needs.

        They are `max_pages` at the most, or as many as a small collection may have.
        """
        for page in self.from_page(self.page(Ask(f"{path}?$select={select}", permission)), max_pages or MAX_PAGES):
            yield page.items

    def page(self, ask: Ask) -> Page:
        """The first page of a collection, or one resource."""
        return self._page(ask, f"{self._base_url}{ask.path}")

    def from_page(self, page: Page, max_pages: int = MAX_PAGES) -> Iterator[Page]:
        """This page of a collection and those after it.

        A page that comes a second time at once is refused, whatever comes after it: in its place should have come
        another, and nobody can tell whether that ever did.
        """
        outline: tuple[Any, ...] = ()
        for left in range(max_pages - 1, -1, -1):
            before, outline = outline, page.outline
            try:
                is_repeated = bool(outline) and outline == before
            except RecursionError as error:
                raise page.bad("is nested too deeply") from error
            if is_repeated:
                raise page.bad("has the same page twice")
            yield page
            link = page.content.get("@odata.nextLink")
            if link is None:
                return
            if left:
                page = self._page(page.ask, self._own_link(page, link, "the next page"))
        raise page.bad(f"has more than {max_pages} pages")

    def whole_list(self, page: Page, max_pages: int = MAX_PAGES) -> Iterator[Page]:
        """The same, of a list that is read from its beginning: where a page of it expired, `ServerFailed` is raised.

        That passes: begun anew, the list may be read to its end.
        """
        try:
            yield from self.from_page(page, max_pages)
        except Expired as error:
            raise ServerFailed(error.problem) from error

    def together(self, asks: Sequence[Ask]) -> list[Page | MicrosoftError]:
        """What each of the asks finds, in their order: a page, or why not; in one request for twenty.

        What concerns all of them is raised: a sign-in that is refused, a network that does not answer, and a wait that
        Microsoft asks for, the longest one. So is what may pass, but where the ask forgives it.
        """
        found: list[Page | MicrosoftError] = []
        for start in range(0, len(asks), batch.MOST):
            some = asks[start : start + batch.MOST]
            found += [self._settled(ask, reply) for ask, reply in zip(some, self._batch(some), strict=True)]
        return found

    def path_of(self, page: Page, link: Any) -> str:
        """The path of a link that Graph gave, for asking later. Raises `BadAnswer` where it leads elsewhere."""
        checked = self._own_link(page, link, "the next changes")
        if not checked.startswith(f"{self._base_url}/"):
            raise page.bad("has a link to another version")
        return checked.removeprefix(self._base_url)

    def _batch(self, asks: Sequence[Ask]) -> list[Reply | Throttled | None]:
        """The replies to these, or a wait that the ask forgives; None for those to be asked for by themselves."""
        alone: list[Reply | Throttled | None] = [None] * len(asks)
        if len(asks) == 1 or batch.is_refused(self._base_url, self._sign_in.tenant_id):
            return alone
        body = batch.body_of([ask.path for ask in asks])
        try:
            whole = self._authorized(lambda: self._once("POST", f"{self._base_url}/$batch", body, len(asks)))
        except ServerFailed:
            return alone  # where it is more than the batch, these meet it, too, and have the patience
        except Unreachable as error:
            if any(ask.leniency.forgives(error) for ask in asks):
                return alone  # what hangs of it may be what may fail
            raise
        replies = batch.replies_in(whole, len(asks)) if whole.status == HTTPStatus.OK else None
        if replies is None:
            batch.note_refusal(self._base_url, self._sign_in.tenant_id, whole.status)
            return alone
        batch.note_success(self._base_url)
        for ask, reply in zip(asks, replies, strict=True):
            if reply is not None:
                note_batched(f"{self._base_url}{ask.path}", reply.status, reply.request_id)
        told = {place: wait for place, wait in enumerate(map(_wait, replies)) if wait is not None}
        waits = list(told.values())
        for wait in waits:
            self._told(wait)
        if not all(asks[place].leniency.forgives(wait) for place, wait in told.items()):
            longest = max(waits, key=lambda wait: (wait.seconds is not None, wait.is_of_app, wait.seconds or 0))
            longest.also = [wait for wait in waits if wait is not longest]
            raise longest
        found = [told.get(place, reply) for place, reply in enumerate(replies)]
        refused = [place for place, reply in enumerate(replies) if self._may_be_granted_since(reply)]
        if refused:
            self._patient(self._sign_in.renew)
            for place, again in zip(refused, self._batch([asks[place] for place in refused]), strict=True):
                found[place] = again
        return found

    def _may_be_granted_since(self, reply: Reply | None) -> bool:
        """Whether it is refused to a token that was given for earlier work: what was granted since is not in that."""
        return reply is not None and reply.status == HTTPStatus.FORBIDDEN and self._sign_in.is_taken_over

    def _settled(self, ask: Ask, reply: Reply | Throttled | None) -> Page | MicrosoftError:
        if isinstance(reply, Throttled):
            return reply
        try:
            if reply is None or reply.has_failed_there or reply.status in _ALONE:
                return self.page(ask)
            return self._read(ask, reply)
        except (SignInRefused, TlsFailed):
            raise
        except Refused as error:
            return error
        except Transient as error:
            if not ask.leniency.forgives(error):
                raise
            return error

    def _page(self, ask: Ask, url: str) -> Page:
        return self._read(ask, self._authorized(lambda: self._patient(lambda: self._once("GET", url))))

    def _read(self, ask: Ask, reply: Reply) -> Page:
        return Page.of(ask, reply, acts_for_user=self._sign_in.acts_for_user)

    def _authorized(self, ask: Callable[[], Reply]) -> Reply:
        reply = ask()
        if reply.status == HTTPStatus.UNAUTHORIZED or self._may_be_granted_since(reply):
            # The token ended while it was used, or was withdrawn: once, a new one may do.
            self._patient(self._sign_in.renew)
            reply = ask()
        return reply

    def _once(self, method: str, url: str, content: bytes | None = None, requests: int = 1) -> Reply:
        """The reply to a request, which with content counts as so many; it is not sent before its time."""
        token = self._sign_in.token()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        self._keep_pace(requests)
        try:
            reply = Reply.to(token, self._transport.send(method, url, headers=headers, data=content))
        except Throttled as wait:
            self._told(wait)
            raise
        if reply.has_failed_there:
            raise reply.refusal()
        return reply

    def _keep_pace(self, requests: int) -> None:
        """Hold back where it would be too fast: for a moment here, or else by raising `HeldBack`.

        A long list must not begin anew because it was read faster than is allowed.
        """
        while self._pace is not None:
            try:
                self._pace.before(requests)
            except HeldBack as held:
                if held.seconds is None or held.seconds > _MOMENT_SECONDS:
                    raise
                self._sleep(held.seconds)
            else:
                return

    def _told(self, wait: Throttled) -> None:
        if self._pace is not None:
            self._pace.told(wait)

    def _own_link(self, page: Page, link: Any, what: str) -> str:
        # The token goes along with the request, so it must not go anywhere but to Graph.
        if not isinstance(link, str) or self._origin is None or _origin(link) != self._origin:
            raise BadAnswer(f"{what} of {page.ask.name} lies on another server", page.reply.request_id, page.reply.date)
        if not (link.isascii() and link.isprintable()):
            raise page.bad("has a link that is no address")
        # Its server is spelled as in all else that is asked: what reads the address next cannot find another in it.
        own, asked = urlsplit(self._base_url), urlsplit(link)
        return urlunsplit((own.scheme, own.netloc, asked.path, asked.query, ""))


def _wait(reply: Reply | None) -> Throttled | None:
    try:
        if reply is not None:
            reply.obey_pace()
    except Throttled as wait:
        return wait
    return None


def _origin(address: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an address, however they are spelled; None where it is none, or names a user."""
    try:
        parts = urlsplit(address)
        port = _DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        return None
    if not parts.hostname or port is None or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port
