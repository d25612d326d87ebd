import re
from datetime import date
from pathlib import Path

import pytest

from auth.kit import ec_key, jwk, profile, settings
from sealring.auth.profiles import IssuerProfile
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid


def refusal(**changes):
    with pytest.raises(SettingsInvalid) as caught:
        profile(**changes)
    return str(caught.value)


def test_what_a_table_leaves_out_has_the_documented_defaults():
    parsed = profile()

    assert parsed.issuer == "https://auth.example.com"
    assert parsed.types == {"jwt", "at+jwt"}
    assert parsed.organization_claim == "org_id"
    assert parsed.organizations_claim == "organization_ids"
    assert parsed.permissions_claim == "permissions"
    assert parsed.max_lifetime_s == 86_400
    assert parsed.leeway_s == 10
    assert parsed.permissions == {Permission.OBJECTS_READ, Permission.OBJECTS_CREATE, Permission.KEYS_USE}


def test_what_a_table_says_is_kept():
    parsed = profile(
        algorithms=["RS256", "EdDSA"],
        types=["", "JWT"],
        organization_claim="https://example.com/org",
        organizations_claim="orgs",
        permissions_claim="scp",
        max_lifetime_s=31_536_000,
        leeway_s=0,
    )

    assert parsed.algorithms == {"RS256", "EdDSA"}
    assert parsed.types == {"", "jwt"}
    assert parsed.organization_claim == "https://example.com/org"
    assert parsed.organizations_claim == "orgs"
    assert parsed.permissions_claim == "scp"
    assert parsed.max_lifetime_s == 31_536_000
    assert parsed.leeway_s == 0


def test_the_audience_none_must_be_said():
    assert profile(audience="none").audience is None
    assert profile(audience="x").audience == "x"
    assert refusal(audience=None) == ("issuer 'https://auth.example.com': audience is missing or not a text")


@pytest.mark.parametrize("name", ["issuer", "algorithms", "audience", "environment_id", "permissions"])
def test_a_table_without_a_required_name_is_refused(name):
    assert re.match(rf"issuer .*: {name} (is missing or not a text|must be a list)", refusal(**{name: None}))


def test_an_unknown_name_is_refused_before_anything_else():
    assert refusal(algorithm=["RS256"], algorithms=None).startswith(
        "issuer 'https://auth.example.com': algorithm is not a setting; known are: issuer, jwks_url, "
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", ""),
        ("issuer", 1),
        ("issuer", "https://auth.example.com\n"),
        ("algorithms", "ES256"),
        ("algorithms", []),
        ("algorithms", ["none"]),
        ("algorithms", ["HS256"]),
        ("algorithms", ["ES256", "HS256"]),
        ("algorithms", ["RS512"]),
        ("algorithms", [1]),
        ("audience", ""),
        ("audience", ["a"]),
        ("types", []),
        ("types", "JWT"),
        ("types", [None]),
        ("environment_id", "environment_1"),
        ("environment_id", "environment_81H2X3Y4Z5A6B7C8D9E0F1G2H3"),
        ("environment_id", 7),
        ("organization_claim", ""),
        ("organizations_claim", 3),
        ("permissions_claim", []),
        ("permissions", "vault:objects:read"),
        ("permissions", ["vault:objects:*"]),
        ("permissions", []),
        ("max_lifetime_s", 0),
        ("max_lifetime_s", 3600.0),
        ("max_lifetime_s", True),
        ("max_lifetime_s", "3600"),
        ("max_lifetime_s", date(2026, 1, 1)),
        ("leeway_s", -1),
        ("leeway_s", 31),
        ("leeway_s", False),
        ("jwks", []),
        ("jwks", {}),
        ("jwks", "keys"),
    ],
)
def test_a_value_outside_its_rule_is_refused_in_one_line_that_names_it(name, value):
    message = refusal(**{name: value})

    assert f": {name} " in message
    assert "\n" not in message


def test_the_bounds_of_the_leeway_are_allowed():
    assert profile(leeway_s=30).leeway_s == 30
    assert profile(max_lifetime_s=1).max_lifetime_s == 1


def test_no_source_of_keys_is_refused():
    assert "only one of them" in refusal(jwks=None)


def test_two_sources_of_keys_are_refused():
    assert "only one of them" in refusal(jwks_file="keys.json")
    assert "only one of them" in refusal(jwks_url="https://auth.example.com/jwks")


def test_an_inline_set_may_be_a_list_or_a_document():
    as_list = profile(jwks=[jwk(ec_key())])
    as_document = profile(jwks={"keys": [jwk(ec_key())]})

    assert as_list.jwks.key("k1", "ES256").kty == "EC"
    assert as_document.jwks.key("k1", "ES256").kty == "EC"


def test_an_inline_set_without_a_key_to_use_is_refused_without_its_values():
    message = refusal(jwks=[jwk(ec_key(2), "k2", d="c2VjcmV0")])

    assert message == (
        "issuer 'https://auth.example.com': jwks is refused: no key for RS256, PS256, ES256 or EdDSA signatures "
        "(1 with private members)"
    )


def test_a_key_file_is_relative_to_the_settings():
    table = settings(jwks=None, jwks_file="keys/issuer.json")

    assert IssuerProfile.parse(table, base=Path("/etc/sealring")).jwks_file == Path("/etc/sealring/keys/issuer.json")


def test_an_absolute_key_file_stays_where_it_is():
    table = settings(jwks=None, jwks_file="/run/keys.json")

    assert IssuerProfile.parse(table, base=Path("/etc/sealring")).jwks_file == Path("/run/keys.json")


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.example.com/jwks",
        "https://auth.example.com:8443/jwks?client=1",
        "http://127.0.0.1:9000/jwks",
        "http://localhost/jwks",
        "http://[::1]:9000/jwks",
    ],
)
def test_a_key_url_may_be_https_or_loopback(url):
    assert profile(jwks=None, jwks_url=url).jwks_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example.com/jwks",
        "http://127.0.0.1.example.com/jwks",
        "http://localhost.example.com/jwks",
        "http://127.0.0.1@example.com/jwks",
        "https://user:password@auth.example.com/jwks",
        "https://auth.example.com/jwks#k1",
        "https://auth.example.com/j wks",
        "https://auth.example.com:port/jwks",
        "https://[::1/jwks",
        "https:///jwks",
        "file:///etc/passwd",
        "ftp://127.0.0.1/jwks",
        "data:application/json,{}",
        "auth.example.com/jwks",
        "",
        7,
    ],
)
def test_any_other_key_url_is_refused(url):
    assert ": jwks_url " in refusal(jwks=None, jwks_url=url)


def test_a_file_of_authorities_is_relative_to_the_settings():
    table = settings(jwks=None, jwks_url="https://auth.example.com/jwks", ca_file="ca.pem")

    assert IssuerProfile.parse(table, base=Path("/etc/sealring")).ca_file == Path("/etc/sealring/ca.pem")
    assert profile().ca_file is None


@pytest.mark.parametrize(
    "source", [{}, {"jwks": None, "jwks_file": "keys.json"}, {"jwks": None, "jwks_url": "http://127.0.0.1/jwks"}]
)
def test_a_file_of_authorities_without_a_url_to_use_it_for_is_refused(source):
    assert ": ca_file needs a jwks_url that begins with https://" in refusal(ca_file="ca.pem", **source)


@pytest.mark.parametrize("value", ["", 7, ["ca.pem"]])
def test_a_file_of_authorities_that_is_no_path_is_refused(value):
    assert ": ca_file " in refusal(jwks=None, jwks_url="https://auth.example.com/jwks", ca_file=value)
