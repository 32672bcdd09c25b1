"""Twelve tenants made by hand: believable customers of an MSP that between them show every state of a license."""

from __future__ import annotations

from uuid import NAMESPACE_DNS, uuid5

from sandbox.products import VIRAL_UNITS
from sandbox.tenants import Sku, Tenant


def _tenant(name: str, slug: str, domain: str, place: tuple[str, str, str], *skus: Sku) -> Tenant:
    """A tenant whose ids follow from its slug, so that they are the same at every start."""
    country, language, city = place
    return Tenant(
        tenant_id=str(uuid5(NAMESPACE_DNS, f"{slug}.onmicrosoft.com")),
        display_name=name,
        domains=(f"{slug}.onmicrosoft.com", domain),
        client_id=str(uuid5(NAMESPACE_DNS, f"app.{slug}.onmicrosoft.com")),
        secret=f"sandbox-{slug}-{uuid5(NAMESPACE_DNS, f'secret.{slug}').hex[:16]}",
        skus=skus,
        organization={
            "city": city,
            "countryLetterCode": country,
            "createdDateTime": "2019-03-18T09:12:44Z",
            "defaultUsageLocation": country,
            "preferredLanguage": language,
            "technicalNotificationMails": [f"it@{domain}"],
        },
    )


def _viral(part_number: str, consumed: int) -> Sku:
    return Sku.of(part_number, VIRAL_UNITS[part_number], consumed)


def demo_tenants() -> list[Tenant]:
    """The twelve, in a fixed order."""
    return [*_small(), *_middling(), *_large()]


def _small() -> list[Tenant]:
    return [
        _tenant(
            "Harbour & Finch Accountants LLP",
            "harbourfinch",
            "harbourfinch.example",
            ("GB", "en", "Bristol"),
            Sku.of("SPB", 24, 22),
            Sku.of("O365_BUSINESS_ESSENTIALS", 6, 6),
            Sku.of("VISIOCLIENT", 2, 1),
        ),
        _tenant(
            'Müller & Söhne "Bau" GmbH',
            "muellersoehnebau",
            "mueller-bau.example",
            ("DE", "de", "Augsburg"),
            Sku.of("O365_BUSINESS_PREMIUM", 35, 38),
            Sku.of("O365_BUSINESS_ESSENTIALS", 20, 12),
            Sku.of("PROJECTPROFESSIONAL", consumed=4, suspended=5, capability_status="Suspended"),
            Sku.of("TEAMS_EXPLORATORY", 0, 0),
        ),
        _tenant(
            "株式会社青葉精機製作所",
            "aobaseiki",
            "aoba-seiki.example",
            ("JP", "ja", "仙台市"),
            Sku.of("SPB", 80, 77),
            Sku.of("EXCHANGESTANDARD", 15, 15),
            Sku.of("POWER_BI_PRO", 5, 3),
            Sku.of("DYN365_RETAIL_TRIAL", 25, 1),
        ),
        _tenant(
            "Boulangeries Lefèvre et Fils SARL",
            "lefevrefils",
            "lefevre-fils.example",
            ("FR", "fr", "Rennes"),
            Sku.of("O365_BUSINESS_ESSENTIALS", consumed=11, warning=12, capability_status="Warning"),
            Sku.of("EXCHANGEDESKLESS", 30, 26),
            Sku.of("O365_BUSINESS", 3, 3),
        ),
        _tenant(
            "Cascadia Orthopedics, P.C.",
            "cascadiaortho",
            "cascadia-ortho.example",
            ("US", "en", "Portland"),
            Sku.of("SPB", 60, 60),
            Sku.of("MCOMEETADV", 60, 8),
            Sku.of("MCOEV", 12, 12),
            Sku.of("PHONESYSTEM_VIRTUALUSER", 5, 2),
            Sku.of("ATP_ENTERPRISE", 60, 60),
        ),
        _tenant(
            "St. Brigid's Community Hospice",
            "stbrigids",
            "stbrigids-hospice.example",
            ("IE", "en", "Galway"),
            Sku.of("O365_BUSINESS_ESSENTIALS", 300, 41),
            Sku.of("SPB", 10, 10),
            Sku.of("STANDARDPACK", consumed=0, capability_status="Deleted"),
        ),
    ]


def _middling() -> list[Tenant]:
    return [
        _tenant(
            "Transportes Ibáñez Hermanos S.L.",
            "ibanezhermanos",
            "ibanez-hermanos.example",
            ("ES", "es", "Zaragoza"),
            Sku.of("O365_BUSINESS_PREMIUM", 48, 45),
            Sku.of("DESKLESSPACK", 140, 151),
            Sku.of("INTUNE_A", consumed=90, locked_out=150, capability_status="LockedOut"),
        ),
        _tenant(
            "Göteborgs Marinteknik AB",
            "gbgmarinteknik",
            "gbg-marinteknik.example",
            ("SE", "sv", "Göteborg"),
            Sku.of("SPE_E3", 120, 113),
            Sku.of("VISIOCLIENT", 10, 9),
            Sku.of("PROJECTPROFESSIONAL", 8, 8),
            Sku.of("Microsoft_365_Copilot", 15, 11),
            _viral("FLOW_FREE", 6),
        ),
        _tenant(
            "Colégio São Bento do Vale",
            "saobentodovale",
            "saobento-vale.example",
            ("BR", "pt", "Belo Horizonte"),
            Sku.of("M365EDU_A3_FACULTY", 95, 88),
            Sku.of("M365EDU_A3_STUUSEBNFT", 3800, 1240),
            Sku.of("STANDARDWOFFPACK_STUDENT", 2_000, 1312),
        ),
        _tenant(
            "Zielona Energia Sp. z o.o.",
            "zielonaenergia",
            "zielona-energia.example",
            ("PL", "pl", "Wrocław"),
            Sku.of("ENTERPRISEPACK", 70, 66),
            Sku.of("EMS", 70, 64),
            Sku.of("CRMSTANDARD", consumed=14, suspended=25, capability_status="Suspended"),
            Sku.of("TEAMS_COMMERCIAL_TRIAL", consumed=18, warning=500, capability_status="Warning"),
        ),
        _tenant(
            'מעבדות כרמל בע"מ',
            "carmellabs",
            "carmel-labs.example",
            ("IL", "he", "חיפה"),
            Sku.of("SPE_E5", 45, 45),
            Sku.of("DYN365_BUSCENTRAL_ESSENTIAL", 12, 7),
            Sku.of("RIGHTSMANAGEMENT_ADHOC", VIRAL_UNITS["RIGHTSMANAGEMENT_ADHOC"], 1),
        ),
    ]


def _large() -> list[Tenant]:
    return [
        _tenant(
            "Meridian Global Logistics Holdings plc",
            "meridianlogistics",
            "meridian-logistics.example",
            ("GB", "en", "Southampton"),
            Sku.of("SPE_E5", 1450, 1398),
            Sku.of("SPE_E3", 3200, 3217),
            Sku.of("SPE_F1", 5400, 4871),
            Sku.of("EXCHANGEENTERPRISE", 250, 231),
            Sku.of("EMSPREMIUM", 600, 600),
            Sku.of("IDENTITY_THREAT_PROTECTION", 3200, 2950),
            Sku.of("POWER_BI_PRO", 640, 512),
            Sku.of("PBI_PREMIUM_PER_USER", 40, 22),
            Sku.of("PROJECTPROFESSIONAL", 210, 187),
            Sku.of("VISIOCLIENT", 330, 204),
            Sku.of("MCOEV", 1450, 1391),
            Sku.of("MCOPSTN1", 900, 874),
            Sku.of("MCOCAP", 60, 52),
            Sku.of("Microsoft_Teams_Rooms_Pro", 85, 79),
            Sku.of("Microsoft_365_Copilot", 500, 436),
            Sku.of("DYN365_ENTERPRISE_SALES", 180, 166),
            Sku.of("CPC_E_2C_8GB_128GB", 75, 31),
            Sku.of("AAD_PREMIUM_P2", consumed=0, suspended=100, capability_status="Suspended"),
            Sku.of("SHAREPOINTSTORAGE", 4000, 0),
            Sku.of("AX7_USER_TRIAL", 25, 3),
        ),
    ]
