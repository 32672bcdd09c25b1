"""What is stored, and the rules that hold for it whoever writes it."""

from .api_key import ApiKey
from .asset import OFFICE_365_LICENSES, AssetContact, AssetField, FieldKind, FlexibleAsset, FlexibleAssetType
from .asset_access import AssetAccess
from .asset_change import AssetChange, ChangeKind
from .audit import AuditArea, AuditEntry
from .base import fold, utc_now
from .cloud import Cloud
from .contact import Contact, ContactEmail
from .directory import Assignment, DirectoryUser
from .due import Begun, begin_due
from .group import GroupMember, OrganizationGrant, UserGroup
from .integration import Integration, IntegrationRemoved, Kind, Removal
from .license import STATUS_LABELS, License, LicenseStatus, Product
from .organization import Organization, OrganizationDomain
from .part import Claim, Outcome, PartState, SyncPart
from .problem import UNREADABLE_SECRET, Problem
from .product_edition import NameSource, PendingImport, ProductName
from .progress import Progress
from .run import RunState, SyncRun, Trigger
from .tenant import Tenant, TenantState
from .user import Role, SetupCode, User, UserSession, any_user
from .user_link import LinkPurpose, UserLink
from .user_rules import CheckedLicense, TenantCheckedLicense, UserSync

__all__ = [
    "OFFICE_365_LICENSES",
    "STATUS_LABELS",
    "UNREADABLE_SECRET",
    "ApiKey",
    "AssetAccess",
    "AssetChange",
    "AssetContact",
    "AssetField",
    "Assignment",
    "AuditArea",
    "AuditEntry",
    "Begun",
    "ChangeKind",
    "CheckedLicense",
    "Claim",
    "Cloud",
    "Contact",
    "ContactEmail",
    "DirectoryUser",
    "FieldKind",
    "FlexibleAsset",
    "FlexibleAssetType",
    "GroupMember",
    "Integration",
    "IntegrationRemoved",
    "Kind",
    "License",
    "LicenseStatus",
    "LinkPurpose",
    "NameSource",
    "Organization",
    "OrganizationDomain",
    "OrganizationGrant",
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
    "TenantCheckedLicense",
    "TenantState",
    "Trigger",
    "User",
    "UserGroup",
    "UserLink",
    "UserSession",
    "UserSync",
    "any_user",
    "begin_due",
    "fold",
    "utc_now",
]
