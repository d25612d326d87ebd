"""Settings that are good, as text."""

from support.make import ENVIRONMENT

GOOD = f"""
[store]
url = "redis://:hunter2@store:6379/0"
pin_file = "store-pin"

[keys]
managed = "local"

[plugins.local]
root_key_file = "root.key"

[[issuers]]
issuer = "https://issuer.example"
jwks_url = "https://issuer.example/jwks"
algorithms = ["RS256"]
audience = "sealring"
environment_id = "{ENVIRONMENT}"
permissions = ["vault:objects:read"]
"""
