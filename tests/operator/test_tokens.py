"""Tokens of the local issuer: within what its profile takes, whoever asks for more."""

import jwt
import pytest

from sealring import settings
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid
from sealring.operator import installation
from sealring.operator.tokens import mint_token
from support.make import ACME

YEAR_S = 366 * 86_400


@pytest.fixture
def path(tmp_path):
    list(installation.create_files(tmp_path, "redis://unused", "local"))
    return tmp_path / installation.SETTINGS_FILE


def mint(path, *permissions, lifetime_s=60):
    token = mint_token(
        settings.load(path),
        subject="alice",
        name="Alice",
        organizations=[ACME],
        permissions=permissions,
        lifetime_s=lifetime_s,
    )
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_has_no_permission_above_the_ceiling_of_its_issuer(path):
    claims = mint(path, Permission.OBJECTS_READ, Permission.KEKS_MANAGE, Permission.AUDIT_READ)

    assert claims["permissions"] == ["vault:objects:read"]


def test_a_token_lives_as_long_as_its_issuer_allows_and_no_longer(path):
    claims = mint(path, lifetime_s=YEAR_S)

    assert claims["exp"] - claims["iat"] == YEAR_S
    with pytest.raises(SettingsInvalid, match=r"is valid for at most 366 days \(max_lifetime_s = 31622400\)"):
        mint(path, lifetime_s=YEAR_S + 1)


def test_without_a_signing_key_there_is_no_token(path):
    text = path.read_text()
    begin, end = text.index("[token]"), text.index("[[issuers]]")
    path.write_text(text[:begin] + text[end:])

    with pytest.raises(SettingsInvalid, match=r"\[token\] is missing"):
        mint(path)
