"""The users of a tenant: which of them are contacts, what is written of them, and who holds which license."""
