"""sealring: a multi-tenant secrets server with a key per context."""
