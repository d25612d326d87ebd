"""Calling a KMS over the network: where it may be, and until when it may take."""
