"""What gunicorn makes of a request, as it is set here, before the app sees it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.running import run_python

# A request of a proxy on this machine, as gunicorn reads it.
READ = """
import json, runpy
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
cfg = Config()
for name, value in runpy.run_path("gunicorn.conf.py").items():
    if name in cfg.settings:
        cfg.set(name, value)
sent = (
    b"GET /account HTTP/1.1\\r\\nHost: licenses.msp.example\\r\\nX-Forwarded-Proto: https\\r\\n"
    b"X-Forwarded-Ssl: off\\r\\nSCRIPT_NAME: //evil.example\\r\\nPATH_INFO: /metrics\\r\\n\\r\\n"
)
request = next(RequestParser(cfg, iter([sent]), ("127.0.0.1", 40000)))
print(json.dumps([request.scheme, sorted(name for name, _ in request.headers)]))
"""


def test_gunicorn_leaves_it_to_the_app_what_a_proxy_is_believed(tmp_path: Path) -> None:
    """The app believes as many proxies as TRUSTED_PROXIES says, and no header that says where the app is."""
    read = run_python("-c", READ, DATA_DIR=str(tmp_path), FORWARDED_ALLOW_IPS="*")
    read.check_returncode()
    scheme, headers = json.loads(read.stdout)
    assert scheme == "http"
    assert headers == ["HOST", "X-FORWARDED-PROTO", "X-FORWARDED-SSL"]
