"""A second environment on the same server and store: an issuer profile of its own, with a key of its own."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from sealring.auth.signing import create_signing_key, mint, public_jwks
from sealring.domain.ids import org_id
from sealring.domain.principal import Permission
from support.live import ALL_PERMISSIONS

ENVIRONMENT = "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"

_PROFILE = """
[[issuers]]
issuer = "urn:test:second"
jwks_file = "second-jwks.json"
algorithms = ["ES256"]
audience = "sealring"
environment_id = "{environment}"
permissions = {permissions}
"""


def add_environment(folder: Path) -> None:
    key = folder / "second-key.pem"
    create_signing_key(key)
    (folder / "second-jwks.json").write_text(json.dumps(public_jwks(key)))
    permissions = json.dumps([each.value for each in Permission])
    with (folder / "sealring.toml").open("a") as settings:
        settings.write(_PROFILE.format(environment=ENVIRONMENT, permissions=permissions))


@dataclass
class SecondEnvironment:
    folder: Path

    def token(self, *orgs: str) -> str:
        """A token for these organizations; for all of the environment where none is named."""
        everywhere = frozenset() if orgs else {Permission.ALL_ORGANIZATIONS}
        return mint(
            self.folder / "second-key.pem",
            issuer="urn:test:second",
            audience="sealring",
            subject="test",
            name="test",
            organizations=[org for each in orgs if (org := org_id(each)) is not None],
            permissions=ALL_PERMISSIONS | everywhere,
            lifetime_s=3600,
            now=int(time.time()),
        )
