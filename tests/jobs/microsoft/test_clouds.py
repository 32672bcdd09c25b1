"""Where each cloud is reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.microsoft.clouds import Hosts, hosts
from tests.support.settings import make_settings
from webapp.models import Cloud

# Graph, "Microsoft Graph national cloud deployments"; Entra, "National clouds".
DOCUMENTED = {
    Cloud.GLOBAL: ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    Cloud.USGOV: ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    Cloud.DOD: ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    Cloud.CHINA: ("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
}


@pytest.mark.parametrize("cloud", Cloud)
def test_every_cloud_has_its_documented_hosts(cloud: Cloud, tmp_path: Path) -> None:
    login_url, graph_url = DOCUMENTED[cloud]
    assert hosts(cloud, make_settings(tmp_path)) == Hosts(login_url, graph_url, f"{graph_url}/.default")


def test_settings_send_requests_elsewhere_and_leave_the_scope(tmp_path: Path) -> None:
    settings = make_settings(
        tmp_path, microsoft_login_url="https://login.test", microsoft_graph_url="https://graph.test"
    )
    expected = Hosts("https://login.test", "https://graph.test", "https://graph.microsoft.us/.default")
    assert hosts(Cloud.USGOV, settings) == expected
