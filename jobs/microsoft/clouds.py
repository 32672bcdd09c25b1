"""Where each of Microsoft's clouds is reached.

Source: Graph, "Microsoft Graph national cloud deployments". The sign-in hosts are the cloud's own, `Cloud.login_url`.
"""

from __future__ import annotations

from dataclasses import dataclass

from config import Settings
from webapp.models import Cloud

_GRAPH_URLS = {
    Cloud.GLOBAL: "https://graph.microsoft.com",
    Cloud.USGOV: "https://graph.microsoft.us",
    Cloud.DOD: "https://dod-graph.microsoft.us",
    Cloud.CHINA: "https://microsoftgraph.chinacloudapi.cn",
}


@dataclass(frozen=True)
class Hosts:
    """Where to send requests for a cloud, without a closing slash, and the scope to ask for.

    The scope asks for the app's permissions to Graph as they were granted. It names Graph by its public address,
    also where `MICROSOFT_GRAPH_URL` sends the requests elsewhere: that is what the permissions were granted for.
    """

    login_url: str
    graph_url: str
    scope: str


def hosts(cloud: Cloud, settings: Settings) -> Hosts:
    """The cloud's hosts, or those that the settings put in their place."""
    graph_url = _GRAPH_URLS[cloud]
    return Hosts(
        login_url=settings.microsoft_login_url or cloud.login_url,
        graph_url=settings.microsoft_graph_url or graph_url,
        scope=f"{graph_url}/.default",
    )
