"""What is stored, and the rules that hold for it whoever writes it."""

from .asset import OFFICE_365_LICENSES, FlexibleAssetType
from .base import fold, utc_now
from .due import Begun, begin_due
from .integration import Cloud, Integration, IntegrationRemoved, Removal, Tenant, TenantState
from .license import STATUS_LABELS, License, LicenseStatus, Product
from .organization import Organization
from .part import Claim, Outcome, PartState, SyncPart
from .problem import UNREADABLE_SECRET, Problem
from .product_edition import NameSource, PendingImport, ProductName
from .progress import Progress
from .run import RunState, SyncRun, Trigger
from .user import Role, SetupCode, User, UserSession, any_user

__all__ = [
    "OFFICE_365_LICENSES",
    "STATUS_LABELS",
    "UNREADABLE_SECRET",
    "Begun",
    "Claim",
    "Cloud",
    "FlexibleAssetType",
    "Integration",
    "IntegrationRemoved",
    "License",
    "LicenseStatus",
    "NameSource",
    "Organization",
    "Outcome",
    "PartState",
    "PendingImport",
    "Problem",
    "Product",
    "ProductName",
    "Progress",
    "Removal",
    "Role",
    "RunState",
    "SetupCode",
    "SyncPart",
    "SyncRun",
    "Tenant",
    "TenantState",
    "Trigger",
    "User",
    "UserSession",
    "any_user",
    "begin_due",
    "fold",
    "utc_now",
]
