"""Key-encrypting keys in software, for trying sealring and for hosts without an HSM."""
