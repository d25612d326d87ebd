"""A keyring of one organization, and who uses it."""

from sealring.domain.keyrings import Keyring, OwnedKeyring
from support.make import ACME, ENVIRONMENT, caller

ME = caller(ACME)
RING = Keyring(f"{ACME}/payments")
OWNED = OwnedKeyring(ENVIRONMENT, RING)
