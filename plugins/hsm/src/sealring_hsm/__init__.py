"""Key-encrypting keys that are made and used in a PKCS#11 token, and leave it only in wrapped form."""
