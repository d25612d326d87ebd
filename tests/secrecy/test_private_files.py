"""Every file that the settings name for a secret is refused if others can read it, and everything else of it is one rule."""

import codecs
import json
import os
import re

import pytest

from sealring import settings
from sealring.archive.place import BucketPlace
from sealring.auth.service_token import ServiceToken
from sealring.auth.signing import public_jwks
from sealring.errors import SettingsInvalid
from sealring.store.connection.links import Links
from sealring.table import Table
from sealring_awskms import config as aws
from sealring_azurekv.config import AzureConfig
from sealring_azurekv.credentials import credential_of
from sealring_azurekv.spec import SPEC as AZURE
from sealring_gcpkms.application_default import OwnCredentials
from sealring_hsm.config import read_pin
from sealring_local.roots import Roots, read_roots
from sealring_masterkey.keys import read_master_keys
from sealring_plugin import ConfigInvalid, ProviderError
from support.make import ENVIRONMENT

APP = "11111111-2222-3333-4444-555555555555"
DEVELOPER = {"type": "authorized_user", "client_id": "id", "client_secret": "hunter2", "refresh_token": "1//x"}
ACCOUNT = {"type": "service_account", "client_email": "a@b", "token_uri": "x", "private_key": "hunter2"}
FEDERATED = {"type": "external_account", "client_secret": "hunter2", "credential_source": {"file": "token"}}


def azure(setting):
    def read(path):
        config = AZURE.parse_config({"client_id": APP, setting: str(path)}, path.parent)
        credential_of(AzureConfig.of(config)).parameters("https://login.example.com")

    return read


def google(path):
    OwnCredentials(path, None).fetch(0.0)


def store_url(path):
    (path.parent / "sealring.toml").write_text(f'[plugins]\n[store]\nurl_file = "{path.name}"\n')
    settings.load(path.parent / "sealring.toml")


def store_key(path):
    """The key of TLS to the store."""
    (path.parent / "certificate.pem").touch()
    Links.to(f"rediss://host?ssl_certfile={path.parent}/certificate.pem&ssl_keyfile={path}")


def bucket_key(path):
    members = {"store": "s3://bucket?region=x", "access_key_id": "id", "secret_access_key_file": path.name}
    BucketPlace.parse(Table("keyrings", members), path.parent)


def service_token(path):
    members = {"service_token_file": path.name, "service_token_keyrings": ["ws_1"]}
    ServiceToken.parse(Table("connect", members), path.parent, [ENVIRONMENT])


READERS = {
    "local root_key_file": (read_roots, Roots.fresh().encode().encode()),
    "hsm pin_file": (read_pin, b"1234"),
    "hsm so_pin_file": (lambda path: read_pin(path, "so_pin_file"), b"1234"),
    "awskms secret_access_key_file": (lambda path: aws.read_secret(path, "secret_access_key_file"), b"hunter2"),
    "awskms session_token_file": (lambda path: aws.read_secret(path, "session_token_file"), b"hunter2"),
    "gcpkms credentials_file of an account": (google, json.dumps(ACCOUNT).encode()),
    "gcpkms credentials_file of a developer": (google, json.dumps(DEVELOPER).encode()),
    "gcpkms credentials_file of a federation with a secret": (google, json.dumps(FEDERATED).encode()),
    "azurekv certificate_file": (azure("certificate_file"), b"hunter2"),
    "azurekv client_secret_file": (azure("client_secret_file"), b"hunter2"),
    "[store] url_file": (store_url, b"redis://:hunter2@store"),
    "[store] ssl_keyfile of the URL": (store_key, b"hunter2"),
    "[keyrings] secret_access_key_file": (bucket_key, b"hunter2"),
    "[connect] service_token_file": (service_token, b"hunter2"),
    "masterkey master_keys_file": (read_master_keys, b"hunter2"),
    "[token] signing_key_file": (public_jwks, b"hunter2"),
}


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
@pytest.mark.parametrize("reader", READERS)
def test_a_secret_that_others_can_read_is_refused(tmp_path, reader, mode):
    read, content = READERS[reader]
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    if os.geteuid() == 0:  # what root owns may be read by a group of ours
        os.chown(path, 1000, 3000)

    with pytest.raises((ConfigInvalid, SettingsInvalid), match=f"{re.escape(str(path))} is open to others") as refused:
        read(path)

    assert f"chmod 600 {path}" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of root's")
@pytest.mark.parametrize("reader", READERS)
def test_a_secret_that_kubernetes_mounts_is_not_open_to_others(tmp_path, reader):
    read, _ = READERS[reader]
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data/secret").write_bytes(b"{}")
    (tmp_path / "..data/secret").chmod(0o440)
    (tmp_path / "secret").symlink_to("..data/secret")

    assert "open to others" not in said_of(lambda: read(tmp_path / "secret"))


def said_of(read):
    """What is wrong with a file, if anything: of some, the contents here are no good."""
    try:
        read()
    except (ProviderError, SettingsInvalid) as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_in_the_place_of_a_secret_holds_up_nobody(tmp_path, reader):
    read, _ = READERS[reader]
    os.mkfifo(tmp_path / "secret", 0o600)

    with pytest.raises((ConfigInvalid, SettingsInvalid), match="not a regular file"):
        read(tmp_path / "secret")


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
@pytest.mark.parametrize("reader", READERS)
def test_a_byte_order_mark_is_named(tmp_path, reader, mark):
    """What an editor put there; taken for a part of a PIN, it would cost one of three attempts."""
    read, content = READERS[reader]
    path = tmp_path / "secret"
    path.write_bytes(mark + content)
    path.chmod(0o600)

    with pytest.raises((ConfigInvalid, SettingsInvalid)) as refused:
        read(path)

    assert f"{path} begins with a byte order mark; save it as UTF-8 without BOM" in str(refused.value)
