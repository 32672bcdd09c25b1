"""A stand-in for Entra ID and Microsoft Graph that speaks their documented protocol over TLS.

It runs as its own process: `python -m sandbox` for people, `Sandbox` for tests. It knows nothing of the app.
"""

from sandbox.control import Control, ControlError, Generated, Sandbox
from sandbox.demo import demo_tenants
from sandbox.documented import documented_tenant
from sandbox.estate import Estate, demo_estate
from sandbox.faults import Fault
from sandbox.generated import generate
from sandbox.people import populated
from sandbox.tenants import ServicePlan, Sku, Tenant
from sandbox.users import Assigned, User

__all__ = [
    "Assigned",
    "Control",
    "ControlError",
    "Estate",
    "Fault",
    "Generated",
    "Sandbox",
    "ServicePlan",
    "Sku",
    "Tenant",
    "User",
    "demo_estate",
    "demo_tenants",
    "documented_tenant",
    "generate",
    "populated",
]
