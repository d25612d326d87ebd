"""Customers' own keys in AWS KMS: named by their ARN, used by Encrypt and Decrypt, never seen."""
