"""Where the bucket of keyrings is: read strictly, and no secret in a message."""

import pytest

from sealring.archive.place import BucketPlace
from sealring.errors import SettingsInvalid
from sealring.table import Table

SECRET = "kept/to+ourselves=="


@pytest.fixture
def parse(tmp_path):
    def parse(**members):
        path = tmp_path / "secret"
        path.write_text(SECRET + "\n")
        path.chmod(0o600)
        own = {"access_key_id": "AKIAEXAMPLE", "secret_access_key_file": "secret"}
        return BucketPlace.parse(Table("[keyrings]", {**own, **members}), tmp_path)

    return parse


def test_a_bucket_of_aws_needs_its_region_alone(parse):
    place = parse(store="s3://rings?region=eu-central-1")

    assert (place.bucket, place.region, place.endpoint, place.path_style) == ("rings", "eu-central-1", None, False)
    assert place.secret_access_key == SECRET
    assert SECRET not in repr(place)


def test_another_storage_has_an_endpoint_and_paths(parse):
    place = parse(store="s3://rings?endpoint=http://s3:3902/&region=auto")

    assert (place.endpoint, place.region, place.path_style, place.is_plain) == ("http://s3:3902", "auto", True, True)
    other = parse(store="s3://rings?endpoint=https://s3:443&region=auto&path_style=false")
    assert (other.path_style, other.is_plain) == (False, False)
    assert not parse(store="s3://rings?endpoint=http://127.0.0.1:3902&region=auto").is_plain


def test_without_a_bucket_there_is_none_and_nothing_else_of_one(tmp_path):
    assert BucketPlace.parse(Table("[keyrings]", {"cached": 1}), tmp_path) is None
    for member in ("access_key_id", "secret_access_key_file", "ca_file"):
        with pytest.raises(SettingsInvalid, match=member):
            BucketPlace.parse(Table("[keyrings]", {member: "x"}), tmp_path)


@pytest.mark.parametrize(
    "store",
    [
        "",
        "rings",
        "https://rings?region=auto",
        "s3://",
        "s3://rings",
        "s3://Rings?region=auto",
        "s3://r?region=auto",
        "s3://rings/keyring?region=auto",
        "s3://rings?region=auto#x",
        "s3://key:hidden-secret@rings?region=auto",
        "s3://rings:9000?region=auto",
        "s3://rings?region=auto&region=auto",
        "s3://rings?region=auto&secret=hidden-secret",
        "s3://rings?region=auto&path_style=yes",
        "s3://rings?region=a_b",
        "s3://rings?region=",
        "s3://rings?endpoint=s3.example.com&region=auto",
        "s3://rings?endpoint=ftp://s3&region=auto",
        "s3://rings?endpoint=https://user:hidden-secret@s3&region=auto",
        "s3://rings?endpoint=https://s3/path&region=auto",
        "s3://rings?endpoint=&region=auto",
        "s3://[?region=auto",
    ],
)
def test_a_url_that_is_no_bucket_is_refused(parse, store):
    with pytest.raises(SettingsInvalid, match=r"^\[keyrings\] store ") as refused:
        parse(store=store)

    assert "hidden-secret" not in str(refused.value)


def test_who_puts_credentials_into_the_url_reads_where_they_belong(parse):
    with pytest.raises(SettingsInvalid, match="must hold no credentials; use access_key_id and secret_access_key_file"):
        parse(store="s3://key:hidden-secret@rings?region=auto")


@pytest.mark.parametrize("content", ["", "two words", "é", "x" * 257])
def test_a_secret_that_is_no_word_is_refused_and_not_shown(parse, tmp_path, content):
    path = tmp_path / "other"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(SettingsInvalid, match="secret_access_key_file must hold one word"):
        parse(store="s3://rings?region=auto", secret_access_key_file="other")


def test_a_secret_that_others_can_read_is_refused(parse, tmp_path):
    path = tmp_path / "other"
    path.write_text("secret")
    path.chmod(0o644)

    with pytest.raises(SettingsInvalid, match="open to others"):
        parse(store="s3://rings?region=auto", secret_access_key_file="other")


@pytest.mark.parametrize("named", ["", "two words", "é"])
def test_an_access_key_id_that_is_no_word_is_refused(parse, named):
    with pytest.raises(SettingsInvalid, match="access_key_id"):
        parse(store="s3://rings?region=auto", access_key_id=named)
