"""A keyring of an organization with a key of its own."""

from sealring.domain.keyrings import Keyring
from support.make import caller

ORG = "org_123"
RING = Keyring(f"{ORG}/payments")
ME = caller(ORG)


def encrypted(world, value=b"value"):
    return world.use.keyrings.encrypt(RING, value, ME)
