"""Our app says who it is by a certificate, a secret or a federated token, and by none that others may read."""

import shutil

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from entra_fake import FEDERATED, SECRET, TENANT

from sealring_plugin import ConfigInvalid
from support.waiting import becomes_true

DEK = bytes(32)


@pytest.fixture
def settings(settings, certificates):
    """With a certificate."""
    return {**settings, "client_secret_file": None, "certificate_file": str(certificates.app_file)}


def test_the_assertion_is_what_the_page_on_certificates_says(azure, provider, key, context, call):
    provider.wrap(key, DEK, context, call)

    assertion = azure.entra.forms[-1]["client_assertion"]
    claims = jwt.decode(assertion, options={"verify_signature": False})
    assert jwt.get_unverified_header(assertion).keys() == {"alg", "typ", "x5t#S256"}
    assert claims["aud"] == f"{azure.url}/{TENANT}/oauth2/v2.0/token"
    assert claims["exp"] - claims["nbf"] == 300


@pytest.mark.parametrize(("setting", "content"), [("client_secret_file", SECRET), ("assertion_file", FEDERATED)])
def test_a_secret_or_a_federated_token_will_do(make_provider, key, context, call, tmp_path, setting, content):
    (tmp_path / "credential").touch(mode=0o600)
    (tmp_path / "credential").write_text(content + "\n")
    provider = make_provider(certificate_file=None, **{setting: str(tmp_path / "credential")})

    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK


def test_a_credential_may_be_replaced_while_we_run(make_provider, key, context, call, tmp_path):
    (tmp_path / "token").write_text("first")
    provider = make_provider(certificate_file=None, assertion_file=str(tmp_path / "token"))

    def wraps():
        try:
            provider.wrap(key, DEK, context, call)
        except ConfigInvalid:
            return False
        return True

    assert not wraps()
    (tmp_path / "token").write_text(FEDERATED)

    assert becomes_true(wraps)


@pytest.mark.parametrize(
    ("setting", "content", "mode", "message"),
    [
        ("client_secret_file", SECRET, 0o644, "is open to others; run: chmod 600"),
        ("client_secret_file", " \n", 0o600, "is empty"),
        ("client_secret_file", "sch\u00f6n", 0o600, "is not text"),
        ("certificate_file", "no certificate", 0o600, "must hold a certificate and its unencrypted key"),
        ("assertion_file", "", 0o644, "is empty"),
        ("ca_file", "hunter2", 0o644, "has no certificate in PEM"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start(make_provider, tmp_path, setting, content, mode, message):
    file = tmp_path / "file"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    others = {} if setting == "ca_file" else {"certificate_file": None}

    with pytest.raises(ConfigInvalid, match=message) as refusal:
        make_provider(**{**others, setting: str(file)})

    assert not content.strip() or content.strip() not in str(refusal.value)


@pytest.mark.parametrize("setting", ["client_secret_file", "certificate_file", "assertion_file", "ca_file"])
def test_a_file_that_is_missing_stops_the_start(make_provider, setting):
    others = {} if setting == "ca_file" else {"certificate_file": None}

    with pytest.raises(ConfigInvalid, match=f"^{setting} .*/missing cannot be read"):
        make_provider(**{**others, setting: "missing"})


def test_a_certificate_belongs_to_its_key(make_provider, certificates, tmp_path):
    mixed = tmp_path / "mixed.pem"
    shutil.copy(certificates.server_files[1], mixed)
    mixed.write_bytes(mixed.read_bytes() + certificates.ca_file.read_bytes())

    with pytest.raises(ConfigInvalid, match="the certificate of that very key"):
        make_provider(certificate_file=str(mixed))


def _bag(pem):
    """As openssl pkcs12 -nodes writes it."""
    return b"Bag Attributes\r\n    localKeyID: 01 \r\nKey Attributes: <No Attributes>\r\n" + pem.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("order", ["leaf first", "authority first", "exported"])
def test_a_certificate_may_come_with_its_chain_in_any_order(
    certificates, make_provider, key, context, call, tmp_path, order
):
    ours, authority = certificates.app_file.read_bytes(), certificates.ca_file.read_bytes()
    content = {"leaf first": ours + authority, "authority first": authority + ours, "exported": _bag(authority + ours)}
    chain = tmp_path / "chain.pem"
    chain.touch(mode=0o600)
    chain.write_bytes(content[order])
    provider = make_provider(certificate_file=str(chain))

    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK


@pytest.mark.parametrize("form", ["a key with a password", "PKCS #12"])
def test_a_certificate_in_a_form_that_needs_a_password_is_refused_in_a_line(
    certificates, make_provider, tmp_path, form
):
    pem = certificates.app_file.read_bytes()
    private, locked = load_pem_private_key(pem, None), BestAvailableEncryption(b"hunter2")
    content = {
        "a key with a password": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        + pem.split(b"KEY-----\n")[-1],
        "PKCS #12": serialize_key_and_certificates(b"app", private, certificates.app, None, locked),
    }
    file = tmp_path / "app"
    file.touch(mode=0o600)
    file.write_bytes(content[form])

    with pytest.raises(ConfigInvalid, match=r"must hold a certificate and its unencrypted key, as PEM$"):
        make_provider(certificate_file=str(file))
