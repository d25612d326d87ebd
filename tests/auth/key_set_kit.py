"""Key sets, a log that keeps what it is told, and an issuer that answers as a test likes."""

import threading
from pathlib import Path

from auth.kit import ISSUER, ec_key, jwk, jwks_bytes, rsa_key
from sealring.auth.key_set_log import Told

OLD = jwks_bytes(jwk(ec_key(1), "old"))
BOTH = jwks_bytes(jwk(ec_key(1), "old"), jwk(ec_key(2), "new"))
NEW = jwks_bytes(jwk(ec_key(2), "new"))
MIXED = jwks_bytes(jwk(ec_key(1), "old"), jwk(rsa_key(1024), "weak"), None)
URL = "https://auth.example.com/jwks"


class Lines(list):
    """A log of key sets that is kept: what is said, and about what."""

    def key_set(self, message, **about):
        self.append((message, about))


TOLD = Told(Lines(), ISSUER)
NO_FOLDER = Path("/nonexistent/run")


class Fetch:
    """Answers with `answer`, or raises it; holds fetches back while `gate` is shut."""

    def __init__(self, answer=OLD):
        self.answer = answer
        self.count = 0
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def __call__(self, url):
        assert url == "https://auth.example.com/jwks"
        self.count += 1
        self.begun.set()
        assert self.gate.wait(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


SAID = ("jwks_keys_left_out", {"issuer": ISSUER, "unusable": {"RSA under 2048 bits": 1, "not an object": 1}})
