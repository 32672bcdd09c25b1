"""How gunicorn serves the pages; the address comes from the settings."""

from pathlib import Path

from config import load

_settings = load()

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
# Pages wait for the database and, while a connection is tested, for a worker: threads wait cheaply.
worker_class = "gthread"
workers = 2
threads = 8
timeout = 60
graceful_timeout = 10
keepalive = 5
# Workers' heartbeats go where no disk can stall them.
_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes a private file in it
worker_tmp_dir = _MEMORY if Path(_MEMORY).is_dir() else None
control_socket_disable = True
# None, said aloud: the address of an invitation lets somebody in.
accesslog = None
proc_name = "seatledger"
