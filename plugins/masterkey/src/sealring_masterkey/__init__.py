"""Static master keys for keyrings, as other servers of vault.v1 have them."""
