import json
import os
import stat

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from auth.kit import NOW, SetClock, profile, rsa_key, verifier_of
from sealring.auth.scoping import principal_of
from sealring.auth.signing import create_signing_key, mint, public_jwks
from sealring.domain.ids import OrgId
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid

# The key of RFC 7515 A.3; its thumbprint is the SHA-256 of the text in RFC 7638 3.
RFC_7515_A3 = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff
H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp
7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt
-----END PRIVATE KEY-----
"""


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "signing.pem"
    create_signing_key(path)
    return path


def minted(path, **changes):
    arguments = {
        "issuer": "urn:sealring:local",
        "audience": "sealring",
        "subject": "service_1",
        "name": "Billing",
        "organizations": [OrgId("org_2"), OrgId("org_1")],
        "permissions": [Permission.OBJECTS_READ, Permission.KEYS_USE],
        "lifetime_s": 600,
        "now": NOW,
    }
    return mint(path, **arguments | changes)


def written(path, raw, mode=0o600):
    path.write_bytes(raw)
    path.chmod(mode)
    return path


def private_pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def test_a_new_key_is_a_p256_key_that_only_its_owner_can_read(key_file):
    key = load_pem_private_key(key_file.read_bytes(), password=None)

    assert isinstance(key.curve, ec.SECP256R1)
    assert key_file.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_a_new_key_is_private_under_any_umask(tmp_path):
    former = os.umask(0)
    try:
        create_signing_key(tmp_path / "signing.pem")
    finally:
        os.umask(former)

    assert stat.S_IMODE((tmp_path / "signing.pem").stat().st_mode) == 0o600


def test_a_key_that_exists_is_left_alone(key_file):
    before = key_file.read_bytes()

    with pytest.raises(SettingsInvalid, match="File exists"):
        create_signing_key(key_file)

    assert key_file.read_bytes() == before


def test_a_link_is_not_followed_when_a_key_is_made(tmp_path):
    link = tmp_path / "signing.pem"
    link.symlink_to(tmp_path / "elsewhere.pem")

    with pytest.raises(SettingsInvalid):
        create_signing_key(link)

    assert not (tmp_path / "elsewhere.pem").exists()


def test_a_folder_that_is_missing_is_refused(tmp_path):
    with pytest.raises(SettingsInvalid, match="No such file"):
        create_signing_key(tmp_path / "missing" / "signing.pem")


def test_the_public_key_set_of_a_known_key(tmp_path):
    path = written(tmp_path / "signing.pem", RFC_7515_A3.encode())

    assert public_jwks(path) == {
        "keys": [
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                "kid": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
                "use": "sig",
                "alg": "ES256",
            }
        ]
    }


def test_a_minted_token_says_what_it_was_asked_to(key_file):
    token = minted(key_file)

    members = jwt.decode(token, options={"verify_signature": False})
    jti = members.pop("jti")
    assert members == {
        "iss": "urn:sealring:local",
        "aud": "sealring",
        "sub": "service_1",
        "name": "Billing",
        "organization_ids": ["org_1", "org_2"],
        "permissions": ["vault:keys:use", "vault:objects:read"],
        "iat": 1_800_000_000,
        "exp": 1_800_000_600,
    }
    assert len(jti) == 36
    assert jwt.get_unverified_header(token) == {
        "alg": "ES256",
        "typ": "JWT",
        "kid": public_jwks(key_file)["keys"][0]["kid"],
    }


def test_two_tokens_have_two_ids(key_file):
    first, second = (jwt.decode(minted(key_file), options={"verify_signature": False}) for _ in range(2))

    assert first["jti"] != second["jti"]


def test_without_audience_there_is_no_aud(key_file):
    members = jwt.decode(minted(key_file, audience=None), options={"verify_signature": False})

    assert "aud" not in members


def test_a_minted_token_verifies_and_makes_its_principal(key_file):
    local = profile(
        issuer="urn:sealring:local", audience="sealring", jwks=json.loads(json.dumps(public_jwks(key_file)))
    )

    made = principal_of(verifier_of(local, clock=SetClock()).verify(minted(key_file)))

    assert made.subject == "service_1"
    assert made.name == "Billing"
    assert made.organizations == {"org_1", "org_2"}
    assert made.permissions == {Permission.OBJECTS_READ, Permission.KEYS_USE}


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o604, 0o660, 0o601])
def test_a_key_file_that_is_open_to_others_is_refused(key_file, mode):
    key_file.chmod(mode)

    with pytest.raises(SettingsInvalid, match="chmod 600"):
        minted(key_file)
    with pytest.raises(SettingsInvalid, match="chmod 600"):
        public_jwks(key_file)


def test_a_key_file_that_only_its_owner_can_read_is_taken(key_file):
    key_file.chmod(0o400)

    assert minted(key_file).count(".") == 2


def test_a_missing_key_file_is_refused(tmp_path):
    with pytest.raises(SettingsInvalid, match="No such file"):
        minted(tmp_path / "signing.pem")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"secret",
        private_pem(rsa_key()),
        private_pem(ec.generate_private_key(ec.SECP384R1())),
        private_pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"password")),
    ],
    ids=["empty", "no PEM", "RSA", "P-384", "encrypted"],
)
def test_a_file_without_a_plain_p256_key_is_refused_without_its_content(tmp_path, raw):
    path = written(tmp_path / "signing.pem", raw)

    with pytest.raises(SettingsInvalid) as caught:
        minted(path)

    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
