"""A key set to share, and a log of it."""

from auth.kit import ec_key, jwk, jwks_bytes

URL = "https://auth.example.com/jwks"
RAW = jwks_bytes(jwk(ec_key(), "old"))
NEW = jwks_bytes(jwk(ec_key(2), "new"))


class Lines(list):
    """A log of key sets that is kept: what is said, and why."""

    def key_set(self, message, **about):
        self.append((message, about.get("reason")))
