"""A stand-in for Entra ID and Microsoft Graph that speaks their documented protocol over TLS.

It runs as its own process: `python -m sandbox` for people, `Sandbox` for tests. It knows nothing of the app.
"""

from sandbox.control import Control, ControlError, Sandbox
from sandbox.demo import demo_tenants
from sandbox.documented import documented_tenant
from sandbox.faults import Fault
from sandbox.generated import generate
from sandbox.tenants import ServicePlan, Sku, Tenant

__all__ = [
    "Control",
    "ControlError",
    "Fault",
    "Sandbox",
    "ServicePlan",
    "Sku",
    "Tenant",
    "demo_tenants",
    "documented_tenant",
    "generate",
]
