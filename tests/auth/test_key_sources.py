"""Each issuer has one source of keys, and what of its key set cannot be used is told."""

from auth.key_set_kit import NO_FOLDER, OLD, SAID, Lines
from auth.kit import ISSUER, ec_key, jwk, key_set, profile, rsa_key
from sealring.auth.key_sources import FileKeys, StaticKeys, key_source
from sealring.auth.key_sources import key_sources as sources_of
from sealring.auth.url_keys import UrlKeys

# --- which source


def test_an_inline_set_is_static():
    source = key_source(profile(), NO_FOLDER, Lines())

    assert isinstance(source, StaticKeys)
    assert source.key("k1", "ES256").kid == "k1"
    assert source.key("k2", "ES256") is None


def test_a_file_and_a_url_have_sources_of_their_own(tmp_path):
    (tmp_path / "keys.json").write_bytes(OLD)

    from_file = key_source(profile(jwks=None, jwks_file=str(tmp_path / "keys.json")), NO_FOLDER, Lines())
    from_url = key_source(profile(jwks=None, jwks_url="https://auth.example.com/jwks"), NO_FOLDER, Lines())

    assert isinstance(from_file, FileKeys)
    assert from_file.key("old", "ES256").kid == "old"
    assert isinstance(from_url, UrlKeys)


def test_sources_are_by_issuer():
    assert list(sources_of([profile(), profile(issuer="https://b.example.com")], NO_FOLDER, Lines())) == [
        ISSUER,
        "https://b.example.com",
    ]


# --- a URL


def test_a_static_set_does_not_change():
    source = StaticKeys(key_set(jwk(ec_key())))

    assert source.key(None, "ES256") is source.key("k1", "ES256")


# --- what is said of keys that cannot be used


def test_the_keys_of_the_settings_that_cannot_be_used_are_told():
    lines = Lines()

    source = key_source(profile(jwks=[jwk(ec_key()), jwk(rsa_key(1024), "weak"), None]), NO_FOLDER, lines)

    assert source.key("k1", "ES256") is not None
    assert lines == [SAID]
