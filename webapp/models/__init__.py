"""What is stored, and the rules that hold for it whoever writes it."""

from .addition import AdditionLine, LineState, TenantAddition
from .api_key import ApiKey, ApiKeyGrant
from .asset import OFFICE_365_LICENSES, AssetContact, AssetField, FieldKind, FlexibleAsset, FlexibleAssetType
from .asset_access import AssetAccess
from .asset_change import AssetChange, ChangeKind
from .audit import AuditArea, AuditEntry
from .base import UNKNOWN, fold, utc_now
from .cloud import Cloud
from .contact import Contact, ContactEmail
from .directory import Assignment, DirectoryUser
from .due import Begun, begin_due
from .group import GroupMember, OrganizationGrant, UserGroup
from .integration import Integration, IntegrationRemoved, Kind, Removal
from .leases import Claim, Outcome, PartState, Try
from .license import STATUS_LABELS, License, LicenseStatus, Product
from .matching import MatchingAction, MatchingChange
from .organization import Organization, OrganizationDomain
from .part import SyncPart
from .pending_import import ImportKind, PendingImport
from .problem import LOST_TOO_OFTEN, NOTHING_TO_DO, OWN_FAULT, REMOVED_MEANWHILE, UNREADABLE_SECRET, Problem
from .product_edition import NameSource, ProductName
from .progress import Progress
from .run import RunState, SyncRun, Trigger
from .tenant import Tenant, TenantState
from .user import Role, SetupCode, User, UserSession, UserState, any_user
from .user_link import LinkPurpose, UserLink
from .user_rules import CheckedLicense, TenantCheckedLicense, UserSync
from .user_tracking import UserTracking

__all__ = [
    "LOST_TOO_OFTEN",
    "NOTHING_TO_DO",
    "OFFICE_365_LICENSES",
    "OWN_FAULT",
    "REMOVED_MEANWHILE",
    "STATUS_LABELS",
    "UNKNOWN",
    "UNREADABLE_SECRET",
    "AdditionLine",
    "ApiKey",
    "ApiKeyGrant",
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
    "ImportKind",
    "Integration",
    "IntegrationRemoved",
    "Kind",
    "License",
    "LicenseStatus",
    "LineState",
    "LinkPurpose",
    "MatchingAction",
    "MatchingChange",
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
    "TenantAddition",
    "TenantCheckedLicense",
    "TenantState",
    "Trigger",
    "Try",
    "User",
    "UserGroup",
    "UserLink",
    "UserSession",
    "UserState",
    "UserSync",
    "UserTracking",
    "any_user",
    "begin_due",
    "fold",
    "utc_now",
]
