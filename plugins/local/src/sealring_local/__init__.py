"""Key-encrypting keys in software: the provider for trying sealring out, and for hosts without an HSM."""
