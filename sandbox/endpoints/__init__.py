"""The endpoints that the sandbox serves, one file each; `sandbox.routes` gathers their ROUTES into one table."""
