"""Faults by which an answer is not what it should be, or does not come as it should."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox import odata
from sandbox.messages import Answer, Drop, HangHalfway, Huge, json_answer
from sandbox.struck import Effect, Struck


def _not_json(struck: Struck) -> Answer:
    page = b"<!DOCTYPE html><html><head><title>Guest network</title></head><body><p>Please sign in.</p></body></html>"
    return Answer(200, page, "text/html; charset=utf-8")


def _bad_json(struck: Struck) -> Answer:
    answer = struck.serve(struck.request)
    return replace(answer, body=answer.body[: len(answer.body) * 2 // 3], is_well_formed=False)


def _wrong_shape(struck: Struck) -> Answer:
    return json_answer(200, {"value": "no"})


def _wrong_item(struck: Struck) -> Answer:
    """The first item of a list (or the whole of another answer) loses its ids, and its numbers become text."""

    def spoil(payload: dict[str, Any]) -> dict[str, Any]:
        items = _items(payload)
        if items:
            items[0] = _spoiled(items[0])
            return payload
        spoiled: dict[str, Any] = _spoiled(payload)
        return spoiled

    return _changed(struck.serve(struck.request), spoil)


def _changed(answer: Answer, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    """The answer with its JSON changed."""
    return replace(answer, body=json_answer(200, change(json.loads(answer.body))).body)


def _items(payload: dict[str, Any]) -> list[Any] | None:
    """The list that a collection or a batch carries."""
    items = payload.get("value", payload.get("responses"))
    return items if isinstance(items, list) else None


_IDS = frozenset({"id", "skuId", "customerId", "tenantId", "access_token"})


def _spoiled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spoiled(item) for key, item in value.items() if key not in _IDS}
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value} units"
    return value


def _slow(struck: Struck) -> Answer:
    # From when it was received on, so that several in one batch are slow at the same time.
    time.sleep(max(0.0, struck.request.received_at + struck.fault.seconds - time.time()))
    return struck.serve(struck.request)


def _drop(struck: Struck) -> Answer:
    return Answer(0, delivery=Drop())


def _hang_body(struck: Struck) -> Answer:
    return replace(struck.serve(struck.request), delivery=HangHalfway(struck.fault.seconds))


def _huge(struck: Struck) -> Answer:
    return Answer(200, delivery=Huge(struck.fault.megabytes))


def _endless_pages(struck: Struck) -> Answer:
    """The first page again and again, each time with a link to another."""
    try:
        page = odata.offset(struck.request.query.get("$skiptoken", ""))
    except odata.QueryError:
        return struck.serve(struck.request)
    first = odata.without_skip_token(struck.request)
    return _with_next_link(struck.serve(first), odata.next_link(first, odata.skip_token(page + 1)))


def _foreign_next_link(struck: Struck) -> Answer:
    link = odata.next_link(replace(struck.request, base_url=f"https://{struck.fault.host}"), odata.skip_token(0))
    return _with_next_link(struck.serve(struck.request), link)


def _foreign_delta_link(struck: Struck) -> Answer:
    def lead_away(payload: dict[str, Any]) -> dict[str, Any]:
        link, own = payload.get("@odata.deltaLink", ""), struck.request.base_url
        return {**payload, "@odata.deltaLink": link.replace(own, f"https://{struck.fault.host}")} if link else payload

    return _changed(struck.serve(struck.request), lead_away)


def _with_next_link(answer: Answer, link: str) -> Answer:
    def linked(payload: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(payload.get("value"), list):
            return payload
        payload.pop("@odata.deltaLink", None)
        return {**payload, "@odata.nextLink": link}

    return _changed(answer, linked)


def _repeat_item(struck: Struck) -> Answer:
    """The first item of a list comes once more at its end: no delta query promises that an item comes but once."""

    def repeat(payload: dict[str, Any]) -> dict[str, Any]:
        items = _items(payload)
        if items:
            items.append(items[0])
        return payload

    return _changed(struck.serve(struck.request), repeat)


def _missing_answer(struck: Struck) -> Answer:
    """The first answer in a batch is left out."""

    def shorten(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "responses": payload["responses"][1:]} if "responses" in payload else payload

    return _changed(struck.serve(struck.request), shorten)


def _base64_bodies(struck: Struck) -> Answer:
    """The bodies in a batch come as those do that are no JSON."""

    def encode(payload: dict[str, Any]) -> dict[str, Any]:
        for item in payload.get("responses", ()):
            body = json.dumps(item["body"], ensure_ascii=False).encode()
            item["body"] = base64.b64encode(body).decode()
        return payload

    return _changed(struck.serve(struck.request), encode)


def _redirect(struck: Struck) -> Answer:
    return Answer(302, headers={"Location": f"https://{struck.fault.host}{struck.request.target}"})


SPOILED: dict[str, Effect] = {
    "not_json": _not_json,
    "bad_json": _bad_json,
    "wrong_shape": _wrong_shape,
    "wrong_item": _wrong_item,
    "slow": _slow,
    "drop": _drop,
    "hang_body": _hang_body,
    "huge": _huge,
    "endless_pages": _endless_pages,
    "foreign_next_link": _foreign_next_link,
    "foreign_delta_link": _foreign_delta_link,
    "redirect": _redirect,
    "repeat_item": _repeat_item,
    "missing_answer": _missing_answer,
    "base64_bodies": _base64_bodies,
}
