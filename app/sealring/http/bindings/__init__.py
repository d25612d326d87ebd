"""The routes of bindings."""
