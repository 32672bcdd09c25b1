"""How gunicorn serves the pages; the address comes from the settings."""

import gc
import os
from contextlib import ExitStack
from typing import Any

from config import load_or_end
from logs import configuration, configure

_settings = load_or_end()
_while_serving = ExitStack()

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
# Pages wait for the database and, while a connection is tested, for a worker: threads wait cheaply.
worker_class = "gthread"
workers = 2
threads = 8
# Loaded once, before there are workers: they share what it takes in memory, and the processor's second to load it.
preload_app = True
timeout = 60
graceful_timeout = 10
keepalive = 5
# Workers' heartbeats go where no disk can stall them.
_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes a private file in it
worker_tmp_dir = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else None
control_socket_disable = True
# What a proxy says of the visitor is believed as TRUSTED_PROXIES says, in the app. Gunicorn by itself believes whoever
# is on this machine, as each visitor whom a proxy there passes on: also that a request came by HTTPS, or that all
# addresses begin with something else (SCRIPT_NAME).
forwarded_allow_ips = ""
# None, said aloud: the address of an invitation lets somebody in.
accesslog = None
proc_name = "seatledger"
logconfig_dict = configuration(_settings)


def when_ready(server: Any) -> None:
    """Be whole before another version is installed, and let the collector of garbage leave what is shared alone."""
    from webapp.metrics import flushing  # noqa: F401  which a worker that takes another's place needs
    from webapp.templating import load_all

    load_all(server.app.wsgi())
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Log as the settings say, and hand over what is counted."""
    from webapp.metrics.flushing import handing_over

    configure(_settings)
    _while_serving.enter_context(handing_over(worker.wsgi))


def worker_exit(server: Any, worker: Any) -> None:
    _while_serving.close()
