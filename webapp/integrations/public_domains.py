"""Domains that say nothing of whose a tenant is: Microsoft's own, and those at which anybody may have a mailbox."""

from __future__ import annotations

import re

from ..models import Tenant

_MICROSOFT = re.compile(
    r"(?:^|\.)(?:onmicrosoft\.(?:com|us|de|cn)|onmschina\.cn|microsoftonline\.(?:com|us|cn|de)|sharepoint\.com)$"
)
# With any ending: hotmail.co.uk, yahoo.fr.
_MAIL_NAMES = re.compile(
    r"^(?:gmail|googlemail|hotmail|outlook|live|msn|yahoo|ymail|rocketmail|gmx|aol|yandex)"
    r"\.(?:[a-z]{2,}|(?:co|com|net|org)\.[a-z]{2})$"
)
_MAIL_DOMAIN_WORDS = """
    icloud.com me.com mac.com web.de freenet.de t-online.de mail.de posteo.de mailbox.org arcor.de online.de
    proton.me protonmail.com pm.me tutanota.com tuta.io tuta.com fastmail.com hey.com zoho.com zohomail.com zohomail.eu
    mail.com email.com mail.ru bk.ru inbox.ru list.ru rambler.ru ukr.net i.ua
    orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr
    libero.it virgilio.it tiscali.it alice.it tin.it
    btinternet.com sky.com virginmedia.com ntlworld.com talktalk.net blueyonder.co.uk
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net
    rogers.com shaw.ca sympatico.ca bell.net telus.net
    bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz
    bluewin.ch hispeed.ch gmx.at aon.at chello.at telenet.be skynet.be ziggo.nl kpnmail.nl planet.nl home.nl xs4all.nl
    seznam.cz centrum.cz wp.pl onet.pl o2.pl interia.pl op.pl
    qq.com foxmail.com 163.com 126.com yeah.net sina.com sohu.com naver.com daum.net hanmail.net
    docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com uol.com.br bol.com.br terra.com.br rediffmail.com
"""
_MAIL_DOMAINS = frozenset(_MAIL_DOMAIN_WORDS.split())


def is_evidence(domain: str) -> bool:
    """Whether two that have this domain, in lower case, are probably one company."""
    if "." not in domain or domain in _MAIL_DOMAINS:
        return False
    return not (_MICROSOFT.search(domain) or _MAIL_NAMES.search(domain))


def own_domains(tenant: Tenant) -> list[str]:
    """The tenant's domains that say whose it is, in lower case; the default one first."""
    domains = (domain.strip().lower() for domain in [tenant.default_domain, *tenant.domains.splitlines()])
    return [domain for domain in dict.fromkeys(domains) if is_evidence(domain)]
