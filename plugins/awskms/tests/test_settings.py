"""Which settings can be right at all."""

import pytest

from sealring_awskms.spec import SPEC
from sealring_plugin import ConfigInvalid


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"access_key_id": "AKIAIOSFODNN7EXAMPLE"}, "secret_access_key_file"),
        ({"secret_access_key_file": "x"}, "access_key_id"),
        ({"session_token_file": "x"}, "session_token_file"),
        ({"access_key_id": "two words", "secret_access_key_file": "x"}, "letters and digits"),
        ({"principal": "sealring"}, "principal"),
        ({"principal": "arn:aws:sts::111122223333:assumed-role/x/y"}, "principal"),
        ({"principal": "arn:aws:iam::111122223333:root"}, "principal"),
        ({"allowed_hosts": "https://localhost"}, "allowed_hosts"),
        ({"sts_endpoint": "http://localhost:4566"}, "not one that the operator allows"),
        ({"sts_endpoint": "localhost"}, "sts_endpoint"),
        ({"ca_file": "no-such-file"}, "ca_file"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, says, tmp_path):
    with pytest.raises(ConfigInvalid, match=says):
        SPEC.build(SPEC.parse_config(settings, tmp_path))


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, 0o600, "cannot be read"),
        (b"", 0o600, "one word"),
        (b"two words", 0o600, "one word"),
        (b"one\ntwo", 0o600, "one word"),
        (b"\xff", 0o600, "not text"),
        (b"secret", 0o644, "chmod 600"),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused(content, mode, says, tmp_path):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)

    with pytest.raises(ConfigInvalid, match=says):
        SPEC.build({"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key_file": path})


def test_a_complete_configuration_is_in_the_docstring():
    from sealring_awskms.wrap import AwsKmsProvider  # noqa: PLC0415

    assert [field.name for field in SPEC.config if f"        {field.name} = " not in AwsKmsProvider.__doc__] == []
