"""What happens while Microsoft is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from jobs.microsoft.transport import Answer, Transport
from webapp.extensions import db

Meanwhile = Callable[[Callable[[], object]], None]


@contextmanager
def once_answered(app: Flask, monkeypatch: pytest.MonkeyPatch, where: str = "") -> Iterator[Meanwhile]:
    """Let something happen, in a session of its own, when Microsoft has answered at an address with `where` in it."""
    happens: list[Callable[[], object]] = []
    real = Transport.send

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        answer = real(self, method, url, **options)
        if where in url:
            with app.app_context():
                while happens:
                    happens.pop()()
                    db.session.commit()
        return answer

    monkeypatch.setattr(Transport, "send", send)
    yield happens.append
    assert not happens
