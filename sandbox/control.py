"""From another process: talk to a running sandbox (Control), or start one and talk to it (Sandbox)."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from sandbox.directory import Reason
from sandbox.faults import Fault
from sandbox.graph_errors import StateLoss
from sandbox.shapes import build
from sandbox.tenants import Tenant, tenant_from_json, tenant_to_json
from sandbox.users import User

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class ControlError(Exception):
    """The sandbox refused; the message is its reason."""


class Control:
    """The control API of a running sandbox."""

    def __init__(self, url: str, ca_bundle: Path, token: str) -> None:
        self.url = url
        self.ca_bundle = ca_bundle
        self._token = token
        https = HTTPSHandler(context=ssl.create_default_context(cafile=str(ca_bundle)))
        # No proxy: the sandbox is on this machine whatever the environment says.
        self._opener = build_opener(ProxyHandler({}), https)

    @classmethod
    def of(cls, directory: Path) -> Control:
        """The sandbox that was started with this directory and is running."""
        ready = json.loads((directory / "sandbox.json").read_bytes())
        return cls(ready["url"], Path(ready["ca_bundle"]), ready["control_token"])

    def tenants(self) -> list[Tenant]:
        return [tenant_from_json(item) for item in self._ask("GET", "tenants")["tenants"]]

    def tenant(self, tenant_id: str) -> Tenant:
        """The tenant with this id or domain."""
        return tenant_from_json(self._ask("GET", f"tenants/{quote(tenant_id)}"))

    def put_tenant(self, tenant: Tenant) -> None:
        """Adds the tenant, or replaces the one with its id; its faults start anew."""
        self._ask("PUT", f"tenants/{tenant.tenant_id}", tenant_to_json(tenant))

    def patch_tenant(self, tenant_id: str, /, **changes: Any) -> Tenant:
        """Changes fields of a tenant, e.g. secret, permissions, display_name, or skus as a sequence of Sku."""
        return tenant_from_json(self._ask("PATCH", f"tenants/{quote(tenant_id)}", _jsonable(changes)))

    def delete_tenant(self, tenant_id: str) -> None:
        self._ask("DELETE", f"tenants/{quote(tenant_id)}")

    def faults(self, tenant_id: str, *faults: Fault | Mapping[str, Any]) -> None:
        """Replaces the tenant's faults; without any, it has none."""
        self._ask("PUT", f"tenants/{quote(tenant_id)}/faults", _jsonable(list(faults)))

    def users(self, tenant_id: str) -> list[User]:
        """Everyone who is in the tenant now, the crowd, too."""
        found = self._ask("GET", f"tenants/{quote(tenant_id)}/users")["users"]
        return [build(User, item, "user") for item in found]

    def user(self, tenant_id: str, name: str) -> User:
        """The user with this id or user principal name."""
        return build(User, self._ask("GET", self._path(tenant_id, name)), "user")

    def put_users(self, tenant_id: str, *users: User) -> None:
        """Adds users to the tenant, or replaces those with their ids."""
        self._ask("POST", f"tenants/{quote(tenant_id)}/users", _jsonable(users))

    def patch_user(self, tenant_id: str, name: str, /, **changes: Any) -> User:
        """Changes fields of a user, e.g. job_title, or licenses as a sequence of Assigned."""
        return build(User, self._ask("PATCH", self._path(tenant_id, name), _jsonable(changes)), "user")

    def remove_user(self, tenant_id: str, name: str, reason: Reason = "changed") -> None:
        """Removes a user, who can be restored where the reason is `changed`, as Graph says it."""
        self._ask("DELETE", f"{self._path(tenant_id, name)}?reason={reason}")

    def expire_delta_tokens(self, tenant_id: str, how: StateLoss = "gone") -> None:
        """The delta tokens issued so far are answered with 410 (`gone`, `resync`) or 400 (`expired`) from now on."""
        self._ask("POST", f"tenants/{quote(tenant_id)}/delta-expiry", {"how": how})

    def throttle_app(self, client_id: str, seconds: float, *, as_date: bool = False) -> None:
        """Graph answers the app in no tenant for so long, but with 429 and a Retry-After; 0 seconds ends that."""
        self._ask("POST", f"apps/{quote(client_id)}/throttle", {"seconds": seconds, "as_date": as_date})

    def limits(self, app: int = 0, tenant: int = 0) -> None:
        """How many resource units an app may use in ten seconds, altogether and in each tenant; 0 is no limit."""
        self._ask("PUT", "limits", {"app": app, "tenant": tenant})

    def counts(self) -> dict[str, Any]:
        """How many requests there were since the last reset: `http`, `inner` (in batches), `early`, and `counts` of
        each `endpoint` and `status`. All processes together.
        """
        answer: dict[str, Any] = self._ask("GET", "counts")
        return answer

    def reset_counts(self) -> None:
        self._ask("DELETE", "counts")

    def requests(self, tenant_id: str = "") -> dict[str, Any]:
        """The requests that are kept, of one tenant or all: `total`, `inner`, `early`, `counts`, `requests`.

        `total` are those over the wire, `inner` those inside batches; `counts` and `requests` have both.
        """
        answer: dict[str, Any] = self._ask("GET", f"requests?tenant={quote(tenant_id)}")
        return answer

    def reset_requests(self, tenant_id: str = "") -> None:
        self._ask("DELETE", f"requests?tenant={quote(tenant_id)}")

    def _path(self, tenant_id: str, user: str) -> str:
        return f"tenants/{quote(tenant_id)}/users/{quote(user, safe='')}"

    def _ask(self, method: str, path: str, payload: object = None) -> Any:
        body = None if payload is None else json.dumps(payload).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = Request(f"{self.url}/_sandbox/{path}", body, headers, method=method)
        try:
            with self._opener.open(request, timeout=30) as answer:
                content = answer.read()
        except HTTPError as error:
            with error:
                raise ControlError(json.loads(error.read())["error"]) from error
        return json.loads(content) if content else None


@dataclass(frozen=True)
class Generated:
    """Tenants to generate where the sandbox runs, so that they need not be sent there: see sandbox.generate."""

    count: int
    seed: int = 1
    users_per_tenant: int = 0
    one_app: bool = False


class Sandbox(Control):
    """A sandbox in a process of its own, from `start()` (or entering it as a context) to `stop()`.

    It stops by itself when the process that started it ends. Without a `directory` it has a temporary one. Its tenants
    are the given ones or `generated`, the arguments of sandbox.generate. With several `processes` nothing can be
    changed; `options` are further ones of `python -m sandbox`.
    """

    def __init__(
        self,
        tenants: Sequence[Tenant] = (),
        latency_ms: int = 0,
        directory: Path | None = None,
        port: int = 0,
        *,
        generated: Generated | None = None,
        processes: int = 1,
        options: Sequence[str] = (),
    ) -> None:
        self._directory = directory
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._tenants = tuple(tenants)
        self._latency_ms = latency_ms
        self._port = port
        self._generated = generated
        self._processes = processes
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Sandbox:
        """Returns once it answers. Raises ControlError where it cannot start."""
        if self._directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="sandbox-")
        directory = Path(self._temporary.name if self._temporary else self._directory or ".").resolve()
        directory.mkdir(parents=True, exist_ok=True)
        ready = directory / "sandbox.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "sandbox", "--stop-with-stdin", "--directory", str(directory)]
        command += ["--port", str(self._port), "--latency-ms", str(self._latency_ms)]
        command += ["--processes", str(self._processes), *self._which(directory), *self._options]
        root = Path(__file__).resolve().parent.parent
        with (directory / "sandbox.log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                reason = (directory / "sandbox.log").read_text(encoding="utf-8").strip()
                self.stop()
                raise ControlError(reason or f"The sandbox did not start within {_START_SECONDS:.0f} seconds.")
            time.sleep(0.02)
        running = Control.of(directory)
        super().__init__(running.url, running.ca_bundle, running._token)
        return self

    def _which(self, directory: Path) -> list[str]:
        """The options that say which tenants."""
        if self._generated is not None:
            made = self._generated
            told = ["--seed", made.seed, "--count", made.count, "--users-per-tenant", made.users_per_tenant]
            return [*map(str, told), *(["--one-app"] if made.one_app else [])]
        listed = directory / "tenants.json"
        listed.touch(mode=0o600)
        listed.write_text(json.dumps([tenant_to_json(tenant) for tenant in self._tenants]), encoding="utf-8")
        return ["--tenants", str(listed)]

    def stop(self) -> None:
        """Ends the process and, where it was temporary, removes the directory. Does nothing the second time."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _jsonable(value: Any) -> Any:
    """Dataclasses, also inside mappings and sequences, as JSON-ready values."""
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_jsonable(item) for item in value]
    return value
