"""Where the bucket of keyrings is, and who we are there: `s3://bucket?endpoint=...&region=...&path_style=...`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from sealring.errors import SettingsInvalid
from sealring.table import Table
from sealring_plugin import ConfigInvalid, read_private

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,64}")
_ENDPOINT = re.compile(r"https?://([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?/?")
_ACCESS_KEY_ID = re.compile(r"[!-~]{1,128}")
_SECRET = re.compile(r"[!-~]{1,256}")
_OTHERS = ("access_key_id", "secret_access_key_file", "ca_file")
_PARAMETERS = {"endpoint", "region", "path_style"}
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Checked settings. `parse` checks them; nothing checks them again."""

    bucket: str
    region: str
    endpoint: str | None  # None: that of AWS in the region
    path_style: bool
    access_key_id: str
    secret_access_key: str = field(repr=False)
    ca_file: Path | None = None

    @classmethod
    def parse(cls, table: Table, base: Path) -> Self | None:
        """Check what [keyrings] says of a bucket; return None if it names none.

            store = "s3://bucket?endpoint=https://s3.example.com&region=us-east-1&path_style=true"
            access_key_id = "..."
            secret_access_key_file = "bucket-secret"    # readable by us alone
            ca_file = "ca.pem"                          # authorities in PEM, beside those of the system

        Raises SettingsInvalid.
        """
        if "store" not in table.members:
            for member in _OTHERS:
                if member in table.members:
                    table.refuse(member, 'is for keyrings in a bucket: add store = "s3://..." or leave it out')
            return None
        bucket, parameters = _split(table)
        endpoint = parameters.get("endpoint")
        if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
            table.refuse("store", "has an endpoint that is not https://host or https://host:port, in lower case")
        path_style = parameters.get("path_style", "false" if endpoint is None else "true")
        if path_style not in _FLAGS:
            table.refuse("store", "has a path_style that is neither true nor false")
        region = parameters.get("region", "")
        if not _REGION.fullmatch(region):
            table.refuse("store", "lacks its region: add region=us-east-1, or the name that the storage signs with")
        return cls(
            bucket=bucket,
            region=region,
            endpoint=endpoint and endpoint.rstrip("/"),
            path_style=_FLAGS[path_style],
            access_key_id=_access_key_id(table),
            secret_access_key=_secret(table, base),
            ca_file=base / table.text("ca_file") if "ca_file" in table.members else None,
        )

    @property
    def is_plain(self) -> bool:
        """Whether it is reached without TLS over a network."""
        scheme, host, *_ = re.split(r"://|[:/]", self.endpoint or "https://aws")
        return scheme == "http" and host not in {"localhost", "127.0.0.1"}


def _split(table: Table) -> tuple[str, dict[str, str]]:
    """The messages do not quote the URL: an operator may have put a secret there."""
    try:
        parts = urlsplit(table.text("store"))
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        table.refuse("store", "cannot be read; write s3://bucket?endpoint=https://host&region=us-east-1")
    if "@" in parts.netloc:
        table.refuse("store", "must hold no credentials; use access_key_id and secret_access_key_file")
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc):
        table.refuse("store", "must be s3://bucket, with the name of a bucket")
    if parts.path or parts.fragment:
        table.refuse("store", "must name a bucket and nothing in it: the keys of its objects are fixed")
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or not set(names) <= _PARAMETERS:
        table.refuse("store", f"has an unknown parameter, or one twice; known are: {', '.join(sorted(_PARAMETERS))}")
    return parts.netloc, dict(pairs)


def _access_key_id(table: Table) -> str:
    named = table.text("access_key_id")
    if not _ACCESS_KEY_ID.fullmatch(named):
        table.refuse("access_key_id", "must be one word, as the storage shows it")
    return named


def _secret(table: Table, base: Path) -> str:
    try:
        path = base / table.text("secret_access_key_file")
        text = read_private(path, "secret_access_key_file").decode("ascii").strip()
    except ConfigInvalid as error:
        raise SettingsInvalid(f"{table.name} {error}") from error
    except UnicodeDecodeError:
        text = ""
    if not _SECRET.fullmatch(text):
        table.refuse("secret_access_key_file", "must hold one word, the secret of access_key_id")
    return text
