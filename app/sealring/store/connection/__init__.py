"""Connections to the store in any topology."""
