"""Connections to the store, whatever its topology."""
