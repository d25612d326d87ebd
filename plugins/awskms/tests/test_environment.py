"""Variables of the machine, as people set them for other tools, say nothing of customers' keys, and stop no call."""

import socket
import time

import pytest

from sealring_awskms.client import Client
from sealring_awskms.config import AwsConfig
from sealring_awskms.key import Key
from sealring_plugin import Call, ConfigInvalid, CustomersKey, Purpose, Unavailable

ARN = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = "arn:aws:iam::444455556666:role/sealring"
OF_CLIENTS = {
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "bogus",
    "AWS_CSM_PORT": "bogus",
    "AWS_DEFAULTS_MODE": "bogus",
    "AWS_DEFAULT_REGION": "no region",
    "AWS_MAX_ATTEMPTS": "many",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "bogus",
    "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "1 KiB",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "bogus",
    "AWS_RETRY_MODE": "bogus",
    "AWS_STS_REGIONAL_ENDPOINTS": "global",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_USE_FIPS_ENDPOINT": "true",
}
OF_THE_CHAIN = {
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "bogus",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "many",
    "AWS_METADATA_SERVICE_TIMEOUT": "1s",
}


@pytest.fixture
def nobody():
    """An address at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def describe(nobody):
    """Asks for a key there, by credentials that the settings name or those that botocore finds."""
    clients = []

    def describe(*, role="", **settings):
        config = AwsConfig.of({"allowed_hosts": nobody, "sts_endpoint": f"http://{nobody}", **settings})
        clients.append(Client(config))
        way = {"role_arn": role, "external_id": "external-id"} if role else {"grant": "direct"}
        options = {**way, "endpoint": f"http://{nobody}"}
        key = Key.of(config, CustomersKey("awskms", ARN, 1, options=tuple(sorted(options.items()))))
        clients[-1].call("describe_key", key, Call(time.monotonic() + 5, "", "", Purpose.CHECK), KeyId=ARN)

    yield describe
    for each in clients:
        each.close()


@pytest.fixture
def given(tmp_path):
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text("secret\r\n")  # as an editor of another system ends lines
    return {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key_file": file}


@pytest.mark.parametrize("role", ["", ROLE])
@pytest.mark.parametrize("name", [*OF_CLIENTS, *OF_THE_CHAIN])
def test_a_variable_for_other_tools_stops_no_call(describe, given, monkeypatch, name, role):
    monkeypatch.setenv(name, {**OF_CLIENTS, **OF_THE_CHAIN}[name])

    with pytest.raises(Unavailable, match=r"the endpoint cannot be reached \(ConnectionRefusedError\)"):
        describe(role=role, **given)


@pytest.mark.parametrize("name", OF_THE_CHAIN)
def test_a_variable_that_spoils_the_search_for_our_credentials_is_told_to_the_operator(describe, monkeypatch, name):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv(name, OF_THE_CHAIN[name])

    with pytest.raises(ConfigInvalid, match=r"^our AWS settings in files or the environment cannot be used \(\w+\)$"):
        describe()
