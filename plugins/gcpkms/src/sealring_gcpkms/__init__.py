"""Customer-managed keys in Google Cloud KMS."""
