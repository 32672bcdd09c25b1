"""Graph's OData: $select, $top, pages and their links (concepts/query-parameters.md, concepts/paging.md)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from sandbox.graph_errors import graph_error
from sandbox.messages import Answer, Request, json_bytes, json_text
from sandbox.route import Call

CONTENT_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
T = TypeVar("T")

_CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"


class QueryError(Exception):
    """A query that Graph answers with 400; carries Graph's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Shape(Generic[T]):
    """How items become resources: `resource` has all their properties, `encoder` makes what writes some of them.

    The encoder is made for the names that $select has; for none of them where it does not say.
    """

    resource: Callable[[T], Mapping[str, Any]]
    encoder: Callable[[Collection[str]], Callable[[T], str]]


def collection(
    call: Call, set_name: str, type_name: str, items: Sequence[dict[str, Any]], options: frozenset[str]
) -> Answer:
    """One page of a collection. `options` are the query options that the method's page documents, e.g. $select."""

    def page(start: int, size: int) -> tuple[Sequence[dict[str, Any]], int | None]:
        end = start + size if size else len(items)
        return items[start:end], end if end < len(items) else None

    return paged(call, set_name, type_name, page, _AS_IT_IS, options)


def paged(
    call: Call,
    set_name: str,
    type_name: str,
    page: Callable[[int, int], tuple[Sequence[T], int | None]],
    shape: Shape[T],
    options: frozenset[str],
    page_size: int = 0,
) -> Answer:
    """One page of a collection.

    `page` gives so many items (all for 0) from a place on, and the place of the next one, if there is one. `page_size`
    is how many there are where neither $top nor the tenant says; 0 is all of them.
    """

    def answer() -> bytes:
        query = checked_options(call.request, options)
        size, start = _page_size(query, call.tenant.page_size, page_size), offset(query.get("$skiptoken", ""))
        items, following = page(start, size)
        names = selected_names(query) if items else []
        wanted = known_names(names, type_name, shape.resource(items[0])) if names else []
        head = {"@odata.context": context_of(set_name, f"({','.join(names)})" if names else "")}
        if following is not None:
            head["@odata.nextLink"] = next_link(call.request, skip_token(following))
        encoded = shape.encoder(wanted)
        return f'{json_text(head)[:-1]},"value":[{",".join([encoded(item) for item in items])}]}}'.encode()

    return answered(call.request, answer)


def _encoder_of_dicts(names: Collection[str]) -> Callable[[dict[str, Any]], str]:
    if not names:
        return json_text
    wanted = frozenset(names)
    return lambda item: json_text({name: value for name, value in item.items() if name in wanted})


_AS_IT_IS: Shape[dict[str, Any]] = Shape(lambda item: item, _encoder_of_dicts)


def entity(call: Call, set_name: str, type_name: str, item: dict[str, Any], options: frozenset[str]) -> Answer:
    """One resource of a collection."""

    def resource() -> bytes:
        names = selected_names(checked_options(call.request, options))
        wanted = known_names(names, type_name, item) if names else list(item)
        context = context_of(set_name, f"({','.join(names)})" if names else "")
        chosen = {name: value for name, value in item.items() if name in wanted}
        return json_bytes({"@odata.context": f"{context}/$entity", **chosen})

    return answered(call.request, resource)


def context_of(set_name: str, selection: str = "") -> str:
    """The @odata.context of a set; `selection` is that of $select, in parentheses."""
    return f"{_CONTEXT}{set_name}{selection}"


def next_link(request: Request, token: str) -> str:
    """An absolute URL on the host asked for, with the original query and a $skiptoken in place of any earlier one."""
    first = without_skip_token(request)
    separator = "&" if "?" in first.target else "?"
    return f"{request.base_url}{first.target}{separator}$skiptoken={token}"


def without_skip_token(request: Request) -> Request:
    """The request for the first page of the same query."""
    kept = {name: value for name, value in request.query.items() if name.lower() != "$skiptoken"}
    query = "&".join(f"{quote(name, safe='$')}={quote(value, safe=',')}" for name, value in kept.items())
    return replace(request, target=f"{request.path}?{query}" if query else request.path)


def skip_token(start: int) -> str:
    """An opaque token for the page that begins at this item."""
    return base64.urlsafe_b64encode(f"start={start}".encode()).decode().rstrip("=")


def offset(token: str) -> int:
    """Where the page of a token begins; 0 where there is none. Raises QueryError for a token that is not ours."""
    if not token:
        return 0
    try:
        name, _, start = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition("=")
    except ValueError:
        name, start = "", ""
    if name != "start" or not start.isdigit():
        message = "The specified page token value has expired and can no longer be included in your request."
        raise QueryError("Directory_ExpiredPageToken", message)
    return int(start)


def answered(request: Request, make: Callable[[], bytes]) -> Answer:
    """What is made, as Graph sends it; a QueryError as its 400."""
    try:
        return Answer(200, make(), CONTENT_TYPE, {"OData-Version": "4.0"})
    except QueryError as bad:
        return graph_error(request, 400, bad.code, str(bad))


def checked_options(request: Request, allowed: frozenset[str]) -> dict[str, str]:
    """The query by lower-case name. Raises QueryError for an option that the method does not support."""
    query = {name.lower(): value for name, value in request.query.items()}
    for name in query:
        if name.startswith("$") and name != "$skiptoken" and name not in allowed:
            raise QueryError(
                "Request_UnsupportedQuery", f"The query option '{name}' is not supported for this resource."
            )
    return query


def selected_names(query: dict[str, str]) -> list[str]:
    """What $select names; nothing where it does not say or names all."""
    names = [name.strip() for name in query.get("$select", "").split(",") if name.strip()]
    return [] if "*" in names else names


def known_names(names: Iterable[str], type_name: str, example: Iterable[str]) -> list[str]:
    """The names as the resource has them, given in any case. Raises QueryError for one that it does not have."""
    known = {name.lower(): name for name in example}
    for name in names:
        if name.lower() not in known:
            message = f"Could not find a property named '{name}' on type 'microsoft.graph.{type_name}'."
            raise QueryError("BadRequest", f"Parsing OData Select and Expand failed: {message}")
    return [known[name.lower()] for name in names]


def _page_size(query: dict[str, str], tenant_size: int, default: int) -> int:
    """The smaller of $top and the tenant's page size; 0 is everything on one page."""
    if "$top" not in query:
        return tenant_size or default
    if not query["$top"].isdigit() or not 1 <= int(query["$top"]) <= 999:
        raise QueryError(
            "Request_BadRequest", f"Invalid page size specified: '{query['$top']}'. Must be between 1 and 999."
        )
    return min(int(query["$top"]), tenant_size or 999)
