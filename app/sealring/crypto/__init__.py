"""Sealing, data keys and the keyed digests of a store."""
