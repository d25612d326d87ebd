"""What `sealring check-config` says of issuers: what the server would refuse, and what it would wait for."""

import codecs
import json
import socket

import pytest

from auth.conftest import Issuer
from auth.kit import ISSUER, ec_key, jwk, jwks_bytes, rsa_key
from sealring import settings
from sealring.auth.key_sources import key_sources
from sealring.auth.signing import create_signing_key, public_jwks
from sealring.auth.token_reviews import check_review_files
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid
from sealring.observability.logs import Log
from sealring.operator import installation
from sealring.operator.issuers import check_issuers
from sealring.operator.tokens import mint_token
from support.api_server import ApiServer
from support.make import ACME

PROFILE = """
[[issuers]]
issuer = "{issuer}"
{source}
algorithms = ["ES256"]
audience = "none"
environment_id = "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"
permissions = ["vault:objects:list"]
"""
GOOD = jwks_bytes(jwk(ec_key()))


@pytest.fixture
def path(tmp_path):
    list(installation.create_files(tmp_path, "redis://unused", "local"))
    return tmp_path / installation.SETTINGS_FILE


@pytest.fixture
def jwks_file(path):
    return path.with_name("token-jwks.json")


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Issuer() as provider:
        yield provider


def believe(path, source):
    """Add an issuer to the settings."""
    path.write_text(path.read_text() + PROFILE.format(issuer=ISSUER, source=source))


def checked(path):
    return list(check_issuers(settings.load(path)))


def refusal(path):
    with pytest.raises(SettingsInvalid) as refused:
        checked(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def refusal_of_a_start(path):
    """What the server says that cannot start."""
    config = settings.load(path)
    with pytest.raises(SettingsInvalid) as refused:
        key_sources(config.issuers, config.run_folder, Log())
    return str(refused.value)


def test_a_fresh_installation_is_good(path):
    assert checked(path) == ["issuer    ok: urn:sealring:local (1 key)", f"token     ok: {path.parent}/token-key.pem"]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "is refused: not JSON in UTF-8."),
        (b'{"keys":[]}', "is refused: no key for RS256, PS256, ES256 or EdDSA signatures."),
        (jwks_bytes(jwk(rsa_key(1024))), "(1 RSA under 2048 bits)."),
        (codecs.BOM_UTF8 + GOOD, "is refused: it begins with a byte order mark; save it as UTF-8 without BOM."),
        (GOOD.decode().encode("utf-16"), "is refused: it begins with a byte order mark; save it as UTF-8 without BOM."),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_a_key_file_that_cannot_be_used_is_refused_as_it_is_by_the_server(path, content, wrong):
    believe(path, 'jwks_file = "provider.json"')
    if content is not None:
        path.with_name("provider.json").write_bytes(content)

    assert refusal(path).endswith(wrong)
    assert refusal_of_a_start(path) == refusal(path)


def test_keys_that_are_left_out_are_named(path):
    believe(path, 'jwks_file = "provider.json"')
    path.with_name("provider.json").write_bytes(jwks_bytes(jwk(ec_key()), jwk(rsa_key(1024), "k2"), None))

    assert checked(path)[1] == f"issuer    ok: {ISSUER} (1 key; left out: 1 RSA under 2048 bits, 1 not an object)"


# --- behind a URL


def test_the_keys_behind_a_url_are_fetched(path, provider):
    provider.body = jwks_bytes(jwk(ec_key()), jwk(ec_key(2), "k2"))
    believe(path, f'jwks_url = "{provider.url}"')

    assert checked(path)[1] == f"issuer    ok: {ISSUER} (2 keys)"


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, b"", "status 503"),
        (302, b"", "status 302"),
        (200, b"<html>", "not JSON in UTF-8"),
        (200, b'{"keys":[]}', "no key for RS256, PS256, ES256 or EdDSA signatures"),
        (200, codecs.BOM_UTF8 + GOOD, "it begins with a byte order mark; save it as UTF-8 without BOM"),
    ],
)
def test_a_url_without_keys_is_refused_with_host_and_reason(path, provider, status, body, why):
    provider.status, provider.body = status, body
    believe(path, f'jwks_url = "{provider.url}?client=sesame"')

    host = provider.url.removeprefix("http://").removesuffix("/jwks")
    assert refusal(path) == f"issuer '{ISSUER}': its jwks_url on {host} gives no keys: {why}"


def test_a_url_that_nobody_listens_to_is_refused(path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        believe(path, f'jwks_url = "http://127.0.0.1:{closed.getsockname()[1]}/jwks"')

        assert refusal(path).endswith(": connection refused")


def test_a_file_of_authorities_that_is_missing_is_refused_as_it_is_by_the_server(path):
    believe(path, 'jwks_url = "https://127.0.0.1:1/jwks"\nca_file = "ca.pem"')

    assert refusal(path) == f"ca_file {path.parent}/ca.pem cannot be read (No such file or directory)"
    assert refusal_of_a_start(path) == refusal(path)


# --- the local signing key


def mint(path):
    return mint_token(
        settings.load(path),
        subject="alice",
        name="Alice",
        organizations=[ACME],
        permissions=[Permission.OBJECTS_READ],
        lifetime_s=60,
    )


def test_a_key_file_of_our_own_that_is_missing_is_refused(path, jwks_file):
    jwks_file.unlink()

    assert refusal(path) == f"jwks_file {jwks_file} cannot be read: No such file or directory."


def test_a_signing_key_that_is_missing_is_refused(path):
    path.with_name("token-key.pem").unlink()

    assert refusal(path) == f"signing key {path.parent}/token-key.pem cannot be read (No such file or directory)"


def of_another_installation(path, jwks_file):
    path.with_name("token-key.pem").unlink()
    create_signing_key(path.with_name("token-key.pem"))


def of_another_key(path, jwks_file):
    """A set that has a key of the same kid, which is another."""
    (own,) = json.loads(jwks_file.read_text())["keys"]
    jwks_file.write_bytes(jwks_bytes(jwk(ec_key(), own["kid"])))


@pytest.mark.parametrize("mismatch", [of_another_installation, of_another_key])
def test_a_signing_key_that_does_not_match_is_refused_wherever_it_is_used(path, jwks_file, mismatch):
    mismatch(path, jwks_file)

    said = refusal(path)

    assert said.startswith(
        f"[token] signing_key_file {path.parent}/token-key.pem does not match the keys of 'urn:sealring:local' in "
    )
    assert said.endswith("or make a new key: `sealring token-key rotate`")
    with pytest.raises(SettingsInvalid, match="does not match"):
        mint(path)


def test_a_signing_key_beside_others_matches(path, jwks_file):
    (own,) = public_jwks(path.with_name("token-key.pem"))["keys"]
    jwks_file.write_bytes(jwks_bytes(jwk(ec_key()), own))

    assert checked(path)[0] == "issuer    ok: urn:sealring:local (2 keys)"
    assert mint(path).count(".") == 2


def test_a_profile_that_does_not_take_what_the_local_key_signs_is_refused(path):
    path.write_text(path.read_text().replace('algorithms = ["ES256"]', 'algorithms = ["RS256"]'))

    assert refusal(path) == "issuer 'urn:sealring:local': algorithms lack ES256, which `sealring token` signs with"


def test_keys_behind_a_url_are_not_asked_for_each_token(path, provider):
    provider.status = 503
    path.write_text(path.read_text().replace('jwks_file = "token-jwks.json"', f'jwks_url = "{provider.url}"'))

    assert mint(path).count(".") == 2
    assert provider.requests == []


# --- a cluster

CLUSTER = """
[[issuers]]
kind = "kubernetes"
issuer = "https://cluster.example"
jwks_url = "{api.jwks_url}"
ca_file = "{api.authority.file}"
token_file = "{api.token_file}"
algorithms = ["RS256"]
audience = "sealring"
environment_id = "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"
permissions = ["vault:objects:list"]
rules = [{{ sub = "system:serviceaccount:shop:*", organizations = ["org_a"], permissions = ["vault:objects:list"] }}]

[issuers.token_review]
url = "{api.url}"
ca_file = "{api.authority.file}"
token_file = "{api.token_file}"
"""


@pytest.fixture
def api(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "api").mkdir()
    with ApiServer(tmp_path / "api").running() as api:
        yield api


@pytest.fixture
def believes(path, api):
    path.write_text(path.read_text() + CLUSTER.format(api=api))
    return path


def test_a_cluster_that_answers_is_good(believes, api):
    host = api.url.removeprefix("https://")

    assert checked(believes)[1:3] == ["issuer    ok: https://cluster.example (1 key)", f"reviews   ok: {host}"]


def test_an_api_server_that_reviews_nothing_for_us_is_refused(believes, api):
    api.status = 403

    wrong = refusal(believes)

    assert "reviews no tokens: status 403" in wrong
    assert "the service account of its token_file needs the cluster role system:auth-delegator" in wrong


def test_files_of_a_cluster_that_cannot_be_used_prevent_a_start(believes, api):
    api.token_file.write_text("")

    assert refusal(believes) == f"token_file {api.token_file}: its token_file holds no token"
    assert refusal_of_a_start(believes) == refusal(believes)
    with pytest.raises(SettingsInvalid, match="holds no token"):
        check_review_files(settings.load(believes).issuers)


def test_sealring_signs_no_tokens_of_a_cluster(believes):
    text = believes.read_text()
    believes.write_text(text.replace('issuer = "urn:sealring:local"', 'issuer = "https://cluster.example"', 1))

    with pytest.raises(SettingsInvalid, match="is a cluster, which signs its tokens itself"):
        settings.load(believes)
