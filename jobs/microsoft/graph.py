"""The Graph client: read one resource, or all pages of a collection.

Sources: Graph, "Paging Microsoft Graph data in your app", "Microsoft Graph throttling guidance".
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from .errors import BadAnswer, MicrosoftError
from .explain import graph_refused
from .patience import patiently
from .signin import SignIn
from .transport import Answer, Transport

# Pages that a small collection may have; one that goes on is not what it should be.
MAX_PAGES = 200


class GraphClient:
    """Reads from Graph as the app that is signed in. All methods raise the errors of `jobs.microsoft.errors`."""

    def __init__(
        self,
        base_url: str,
        sign_in: SignIn,
        transport: Transport,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = f"{base_url}/v1.0"
        self._origin = _origin(base_url)
        self._sign_in = sign_in
        self._transport = transport
        self._sleep = sleep

    def pages(self, path: str, select: str, permission: str, top: int = 0, max_pages: int = 0) -> Iterator[list[Any]]:
        """The pages of a collection, each a list of its items; `permission` names what reading it needs.

        `top` is how many items to ask for on a page, 0 for as many as Graph gives by itself; of a large collection
        `max_pages` says how many pages are believed.
        """
        max_pages = max_pages or MAX_PAGES
        url = f"{self._base_url}{path}?$select={select}{f'&$top={top}' if top else ''}"
        for _ in range(max_pages):
            content, answer = self._read(url, permission)
            items, next_link = content.get("value"), content.get("@odata.nextLink")
            if not isinstance(items, list):
                raise BadAnswer(f"{path} has no list of values", answer.request_id, answer.date)
            yield items
            if next_link is None:
                return
            url = self._checked_link(next_link, path, answer)
        raise BadAnswer(f"{path} has more than {max_pages} pages", answer.request_id, answer.date)

    def all(self, path: str, select: str, permission: str) -> list[Any]:
        """All items of a small collection."""
        return [item for page in self.pages(path, select, permission) for item in page]

    def _checked_link(self, link: Any, path: str, answer: Answer) -> str:
        # The token goes along with the request, so it must not go anywhere but to Graph.
        if not isinstance(link, str) or _origin(link) != self._origin:
            raise BadAnswer(f"the next page of {path} lies on another server", answer.request_id, answer.date)
        return link

    def _read(self, url: str, permission: str) -> tuple[dict[str, Any], Answer]:
        answer = patiently(lambda: self._once(url), self._sleep)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            # The token ended while it was used, or was withdrawn: once, a new one may do.
            patiently(self._sign_in.renew, self._sleep)
            answer = patiently(lambda: self._once(url), self._sleep)
        if answer.status_code != HTTPStatus.OK:
            raise _refused(answer, permission)
        content = _json_or_none(answer)
        if not isinstance(content, dict):
            raise BadAnswer("it is not a JSON object", answer.request_id, answer.date)
        return content, answer

    def _once(self, url: str) -> Answer:
        headers = {"Authorization": f"Bearer {self._sign_in.token()}", "Accept": "application/json"}
        answer = self._transport.send("GET", url, headers=headers)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _refused(answer, permission="")
        return answer


def _refused(answer: Answer, permission: str) -> MicrosoftError:
    return graph_refused(answer.status_code, _json_or_none(answer), answer.request_id, permission, answer.date)


def _origin(address: str) -> tuple[str, str] | None:
    """Scheme and server of an address; None where it is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts.scheme, parts.netloc


def _json_or_none(answer: Answer) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
