"""Keyrings in S3-compatible storage, in the layout that other servers of vault.v1 read and write."""
