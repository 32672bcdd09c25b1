"""Graph's OData: $select, $top, pages and their links (concepts/query-parameters.md, concepts/paging.md)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sandbox.graph_errors import graph_error
from sandbox.messages import Answer, Request, json_answer
from sandbox.route import Call

CONTENT_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"


class QueryError(Exception):
    """A query that Graph answers with 400; carries Graph's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def collection(
    call: Call,
    set_name: str,
    type_name: str,
    items: Sequence[dict[str, Any]],
    options: frozenset[str],
    page_size: int = 0,
) -> Answer:
    """One page of a collection. `options` are the query options that the method's page documents, e.g. $select.

    `page_size` is how many items a page has where neither $top nor the tenant says; 0 is all of them.
    """

    def page() -> dict[str, Any]:
        query = _options(call.request, options)
        chosen, context = _selection(query, type_name, items[0] if items else None)
        size, start = _page_size(query, call.tenant.page_size, page_size), offset(query.get("$skiptoken", ""))
        shown = items[start : start + size] if size else items[start:]
        payload: dict[str, Any] = {"@odata.context": f"{_CONTEXT}{set_name}{context}"}
        if size and start + size < len(items):
            payload["@odata.nextLink"] = next_link(call.request, skip_token(start + size))
        payload["value"] = [chosen(item) for item in shown]
        return payload

    return _answer(call.request, page)


def entity(call: Call, set_name: str, type_name: str, item: dict[str, Any], options: frozenset[str]) -> Answer:
    """One resource of a collection."""

    def resource() -> dict[str, Any]:
        chosen, context = _selection(_options(call.request, options), type_name, item)
        return {"@odata.context": f"{_CONTEXT}{set_name}{context}/$entity", **chosen(item)}

    return _answer(call.request, resource)


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


def _answer(request: Request, make: Callable[[], dict[str, Any]]) -> Answer:
    try:
        return json_answer(200, make(), {"OData-Version": "4.0"}, CONTENT_TYPE)
    except QueryError as bad:
        return graph_error(request, 400, bad.code, str(bad))


def _options(request: Request, allowed: frozenset[str]) -> dict[str, str]:
    """The query by lower-case name. Raises QueryError for an option that the method does not support."""
    query = {name.lower(): value for name, value in request.query.items()}
    for name in query:
        if name.startswith("$") and name != "$skiptoken" and name not in allowed:
            raise QueryError(
                "Request_UnsupportedQuery", f"The query option '{name}' is not supported for this resource."
            )
    return query


def _selection(
    query: dict[str, str], type_name: str, example: dict[str, Any] | None
) -> tuple[Callable[[dict[str, Any]], dict[str, Any]], str]:
    """How to cut a resource down to $select, and what @odata.context says about it."""
    names = [name.strip() for name in query.get("$select", "").split(",") if name.strip()]
    if not names or "*" in names or example is None:
        return dict, ""
    known = {name.lower(): name for name in example}
    for name in names:
        if name.lower() not in known:
            message = f"Could not find a property named '{name}' on type 'microsoft.graph.{type_name}'."
            raise QueryError("BadRequest", f"Parsing OData Select and Expand failed: {message}")
    wanted = {known[name.lower()] for name in names}
    return lambda item: {key: value for key, value in item.items() if key in wanted}, f"({','.join(names)})"


def _page_size(query: dict[str, str], tenant_size: int, default: int) -> int:
    """The smaller of $top and the tenant's page size; 0 is everything on one page."""
    if "$top" not in query:
        return tenant_size or default
    if not query["$top"].isdigit() or not 1 <= int(query["$top"]) <= 999:
        raise QueryError(
            "Request_BadRequest", f"Invalid page size specified: '{query['$top']}'. Must be between 1 and 999."
        )
    return min(int(query["$top"]), tenant_size or 999)
