"""Checks whether a store behaves as sealring requires."""
