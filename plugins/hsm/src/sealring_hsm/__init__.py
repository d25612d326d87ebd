"""Key-encrypting keys in a PKCS#11 token: made there, used there, kept with us only in wrapped form."""
