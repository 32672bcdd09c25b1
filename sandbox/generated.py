"""Tenants made from a seed, as many as wanted. The same seed and position always give the same tenant."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sandbox.people import random_guid
from sandbox.products import VIRAL_UNITS
from sandbox.tenants import Sku, Tenant


@dataclass(frozen=True)
class _Country:
    """How companies are called there: `{0}` in a form is the first word, `{1}` the trade."""

    code: str
    language: str
    cities: tuple[str, ...]
    words: tuple[str, ...]
    trades: tuple[str, ...]
    forms: tuple[str, ...]


def _country(code: str, language: str, *lists: str) -> _Country:
    cities, words, trades, forms = (tuple(part.strip() for part in text.split(";")) for text in lists)
    return _Country(code, language, cities, words, trades, forms)


_COUNTRIES = (
    _country(
        "US",
        "en",
        "Columbus; Tucson; Raleigh; Boise",
        "Pinecrest; Lakeshore; Ironwood; Bluestem; O'Malley; Silver Creek; Hartwell & Lowe; Granite",
        "Dental; Logistics; Insurance; Roofing; Pediatrics; Design; Legal; Foods",
        "{0} {1}, Inc.; {0} {1} LLC; {0} {1} Group; {0} {1}, P.C.",
    ),
    _country(
        "GB",
        "en",
        "Leeds; Norwich; Cardiff; Dundee",
        "Ashdown; Kestrel; Whitlock & Sons; Fenwick; Thornbury; Marlow; Penrose",
        "Surveyors; Joinery; Estates; Engineering; Care Homes; Solicitors; Brewing",
        "{0} {1} Ltd; {0} {1} LLP; {0} {1} plc",
    ),
    _country(
        "DE",
        "de",
        "Kassel; Jena; Aachen; Kiel",
        "Schröder; Weiß & Partner; Bäumler; Nordlicht; Großmann; Hübner; Alpenblick",
        "Maschinenbau; Steuerberatung; Logistik; Elektrotechnik; Gartenbau; Medizintechnik",
        "{0} {1} GmbH; {0} {1} GmbH & Co. KG; {0} {1} AG",
    ),
    _country(
        "FR",
        "fr",
        "Nantes; Dijon; Pau; Annecy",
        "Dubois; L'Étoile; Chênevert; Rivière; Beauséjour; Garnier-Roche",
        "Conseil; Bâtiment; Traiteur; Pharmacie; Menuiserie; Assurances",
        "{0} {1} SARL; {0} {1} SAS; {1} {0}",
    ),
    _country(
        "ES",
        "es",
        "Vigo; Murcia; Burgos; Cádiz",
        "Peñalver; Núñez; Costa Brava; Olivares; Vega Señal; Cigüeña",
        "Construcciones; Bodegas; Clínica; Ingeniería; Seguros; Transportes",
        "{1} {0} S.L.; {1} {0} S.A.; {1} {0} e Hijos S.L.",
    ),
    _country(
        "SE",
        "sv",
        "Umeå; Örebro; Lund",
        "Björkvik; Åkerlund; Norrsken; Sjöberg; Granlund",
        "Bygg; Teknik; Redovisning; Fastigheter; Åkeri",
        "{0} {1} AB; {0}s {1} AB",
    ),
    _country(
        "PL",
        "pl",
        "Łódź; Gdynia; Lublin",
        "Wiśniewski; Żuraw; Dąbrowa; Śląska; Kowalczyk",
        "Transport; Budownictwo; Księgowość; Meble; Technika",
        "{0} {1} Sp. z o.o.; {0} {1} S.A.",
    ),
    _country(
        "JP",
        "ja",
        "札幌市; 金沢市; 松山市",
        "青空; 山本; 東海; 桜井; 北星; みなと",
        "製作所; 商事; 建設; 物流; 食品; 設計事務所",
        "株式会社{0}{1}; {0}{1}株式会社; 有限会社{0}{1}",
    ),
    _country(
        "BR",
        "pt",
        "Curitiba; Recife; Goiânia",
        "São José; Araújo; Conceição; Ipê; Guimarães",
        "Engenharia; Alimentos; Saúde; Transportes; Advocacia",
        "{0} {1} Ltda.; {1} {0} S.A.",
    ),
)

_SMALL = ("SPB", "O365_BUSINESS_PREMIUM", "O365_BUSINESS_ESSENTIALS", "EXCHANGESTANDARD", "O365_BUSINESS")
_SMALL_WEIGHTS = (35, 30, 25, 7, 3)
_LARGE = ("SPE_E3", "ENTERPRISEPACK", "SPE_E5", "ENTERPRISEPREMIUM", "STANDARDPACK")
_LARGE_WEIGHTS = (40, 25, 20, 7, 8)
_FRONTLINE = ("SPE_F1", "DESKLESSPACK", "M365_F1", "EXCHANGEDESKLESS")
_ADD_ONS = (
    "VISIOCLIENT",
    "PROJECTPROFESSIONAL",
    "PROJECT_P1",
    "POWER_BI_PRO",
    "MCOMEETADV",
    "MCOEV",
    "AAD_PREMIUM",
    "AAD_PREMIUM_P2",
    "INTUNE_A",
    "ATP_ENTERPRISE",
    "THREAT_INTELLIGENCE",
    "EMS",
    "EXCHANGEENTERPRISE",
    "Microsoft_365_Copilot",
    "Microsoft_Teams_Rooms_Pro",
    "DYN365_BUSCENTRAL_ESSENTIAL",
    "CPC_E_2C_8GB_128GB",
)
_TRIALS = ("TEAMS_COMMERCIAL_TRIAL", "DYN365_RETAIL_TRIAL", "AX7_USER_TRIAL")
# In each status, where among the prepaid units the bought ones are counted.
_LAPSED = {"Suspended": "suspended", "Warning": "warning", "LockedOut": "locked_out"}
_EPOCH = datetime(2012, 1, 1, tzinfo=UTC)


def generate(seed: int, count: int, users_per_tenant: int = 0, *, one_app: bool = False) -> list[Tenant]:
    """The first `count` tenants of a seed: many small, some large; licenses in use, a few over, idle or lapsed.

    With `users_per_tenant` each has a crowd of that size, and about as many seats. With `one_app` all have the app
    registration of the first one.
    """
    tenants = [_tenant(random.Random(f"{seed}/{index}"), index, users_per_tenant) for index in range(count)]
    if not one_app:
        return tenants
    return [replace(tenant, client_id=tenants[0].client_id, secret=tenants[0].secret) for tenant in tenants]


def _tenant(dice: random.Random, index: int, users: int) -> Tenant:
    country = dice.choice(_COUNTRIES)
    name = dice.choice(country.forms).format(dice.choice(country.words), dice.choice(country.trades))
    # The position keeps domains apart where two companies have the same name.
    slug = f"{_ascii(name)[:18] or country.language}{index}"
    return Tenant(
        tenant_id=random_guid(dice),
        display_name=name,
        domains=(f"{slug}.onmicrosoft.com", f"{slug}.example"),
        client_id=random_guid(dice),
        secret="".join(dice.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789~._-", k=40)),
        skus=_skus(dice, users),
        crowd=users,
        organization={
            "city": dice.choice(country.cities),
            "countryLetterCode": country.code,
            "createdDateTime": (_EPOCH + timedelta(minutes=dice.randrange(6_500_000))).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "defaultUsageLocation": country.code,
            "preferredLanguage": country.language,
            "technicalNotificationMails": [f"it@{slug}.example"],
        },
    )


def _skus(dice: random.Random, users: int) -> tuple[Sku, ...]:
    """What a company of that many users would have bought; where there are none, of a log-normal number of seats."""
    seats = users or min(20_000, max(1, round(dice.lognormvariate(3.2, 1.3))))
    main = dice.choices(*((_LARGE, _LARGE_WEIGHTS) if seats > 300 else (_SMALL, _SMALL_WEIGHTS)))[0]
    bought = {main: seats}
    if dice.random() < 0.4:
        second = dice.choice(_FRONTLINE if seats > 100 else _SMALL)
        bought.setdefault(second, max(1, round(seats * dice.uniform(0.1, 1.5))))
    # Where the users are given, few products: how much there is to read of each shall not hang on how many they are.
    more = 0 if users else seats // 800
    for part_number in dice.sample(_ADD_ONS, min(len(_ADD_ONS), round(dice.expovariate(0.6)) + more)):
        bought[part_number] = max(1, round(seats * dice.choice((0.05, 0.1, 0.3, 1.0))))
    skus = [_sku(dice, part_number, units) for part_number, units in bought.items()]
    skus += [
        Sku.of(part_number, units, min(units, dice.randrange(0, seats + 1)))
        for part_number, units in VIRAL_UNITS.items()
        if dice.random() < 0.3
    ]
    if dice.random() < 0.12:
        skus.append(Sku.of(dice.choice(_TRIALS), 25, dice.randrange(0, 4)))
    return tuple(skus)


def _sku(dice: random.Random, part_number: str, units: int) -> Sku:
    """A license in one of its states: in use for the most part, at times over-consumed, idle, in grace or lapsed."""
    used = min(units, round(units * dice.betavariate(9, 1.5)))
    status = dice.choices(("Enabled", *_LAPSED, "Deleted"), (940, 30, 20, 5, 5))[0]
    if status == "Enabled":
        over = units + max(1, units // 25)
        return Sku.of(part_number, units, dice.choices((used, over, 0), (90, 5, 5))[0])
    if status == "Deleted":
        return Sku.of(part_number, capability_status=status)
    return Sku.of(part_number, consumed=used, capability_status=status, **{_LAPSED[status]: units})


def _ascii(name: str) -> str:
    """The letters and digits of a name that a domain can hold; none for a name in another script."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(character for character in plain if character.isalnum())
