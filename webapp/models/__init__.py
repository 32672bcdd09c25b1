"""What is stored, and the rules that hold for it whoever writes it."""

from .asset import OFFICE_365_LICENSES, FlexibleAssetType
from .base import fold, utc_now
from .integration import Cloud, Integration, Tenant, TenantState
from .license import STATUS_LABELS, License, LicenseStatus, Product
from .organization import Organization
from .part import Claim, Outcome, PartState, SyncPart
from .problem import Problem
from .run import Progress, RunState, SyncRun, Trigger
from .user import Role, SetupCode, User, UserSession, any_user

__all__ = [
    "OFFICE_365_LICENSES",
    "STATUS_LABELS",
    "Claim",
    "Cloud",
    "FlexibleAssetType",
    "Integration",
    "License",
    "LicenseStatus",
    "Organization",
    "Outcome",
    "PartState",
    "Problem",
    "Product",
    "Progress",
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
    "fold",
    "utc_now",
]
