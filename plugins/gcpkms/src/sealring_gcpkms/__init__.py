"""Customers' keys in Google Cloud KMS."""
