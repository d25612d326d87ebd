"""The settings of the awskms provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sealring_awskms.partitions import domains, partitions
from sealring_plugin import ConfigField, ConfigInvalid, ConfigValue, read_private
from sealring_plugin.net import Egress, Endpoint

_ACCESS_KEY_ID = re.compile(r"[A-Za-z0-9]{12,128}")
# Not the account (`root`): a policy that names it lets in whatever else runs there.
_PRINCIPAL = re.compile(r"arn:([a-z0-9-]{3,32}):iam::[0-9]{12}:(role|user)/[\x21-\x7e]{1,512}")

FIELDS = (
    ConfigField("principal", str, "who we are to AWS, for the setup guide: the ARN of our role or user"),
    ConfigField("access_key_id", str, "our access key; without it, botocore's default chain finds credentials"),
    ConfigField("secret_access_key_file", Path, "a file with the secret access key, readable by its owner only"),
    ConfigField("session_token_file", Path, "a file with the session token, for temporary credentials"),
    ConfigField("allowed_hosts", str, "private endpoints and emulators: host or host:port, commas between", default=""),
    ConfigField("sts_endpoint", str, "where roles are assumed, for an emulator; else STS in the key's region"),
    ConfigField("ca_file", Path, "certificate authorities in PEM, beside those of the system"),
    ConfigField("reencrypt", bool, "move data keys by ReEncrypt; needs kms:ReEncryptFrom and kms:ReEncryptTo", False),
)


@dataclass(frozen=True, slots=True)
class AwsConfig:
    """Checked settings. `egress` guards every connection; `named` knows only the hosts that the operator names."""

    egress: Egress
    named: Egress
    access_key_id: str = ""
    secret_access_key_file: Path | None = None
    session_token_file: Path | None = None
    sts_endpoint: Endpoint | None = None
    ca_file: Path | None = None
    reencrypt: bool = False

    @classmethod
    def of(cls, config: Mapping[str, ConfigValue]) -> Self:
        """Raises ConfigInvalid, and names the field."""
        given = {**config}
        principal, hosts, sts = (str(given.pop(name, "")) for name in ("principal", "allowed_hosts", "sts_endpoint"))
        found = _PRINCIPAL.fullmatch(principal)
        if principal and (found is None or found[1] not in partitions()):
            raise ConfigInvalid("principal must be the ARN of an IAM role or user: arn:aws:iam::111122223333:role/name")
        named = Egress.of((), hosts)
        return cls(
            egress=Egress.of(sorted(f".{domain}" for domain in domains()), hosts),
            named=named,
            sts_endpoint=named_endpoint(sts, named, "sts_endpoint") if sts else None,
            **given,  # type: ignore[arg-type]  # the types were checked by the spec
        )

    def __post_init__(self) -> None:
        if bool(self.access_key_id) != (self.secret_access_key_file is not None):
            raise ConfigInvalid("access_key_id and secret_access_key_file belong together: give both or neither")
        if self.access_key_id and not _ACCESS_KEY_ID.fullmatch(self.access_key_id):
            raise ConfigInvalid("access_key_id must be letters and digits, as AWS shows it")
        if self.session_token_file is not None and not self.access_key_id:
            raise ConfigInvalid("session_token_file is for an access_key_id, and there is none")


def named_endpoint(text: str, named: Egress, field: str) -> Endpoint:
    """Return the endpoint of a setting or an option. Raises ConfigInvalid unless the operator names its host."""
    endpoint = Endpoint.parse(text, field)
    named.check(endpoint.host, endpoint.port)
    return endpoint


def read_secret(path: Path, field: str) -> str:
    """Return the text of a file. Raises ConfigInvalid: missing, readable by others, empty, or more than a line."""
    try:
        text = read_private(path, field).decode("ascii").strip()
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{field} {path} is not text") from None
    if not text or not text.isprintable() or " " in text:
        raise ConfigInvalid(f"{field} {path} must hold one word")
    return text
