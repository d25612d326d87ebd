"""Two emulators, each started once, each behind a proxy that sees every request and can fail as AWS does."""

import time
from functools import cache

import pytest
from aws_emulators import emulators
from aws_emulators.fault_proxy import FaultProxy
from botocore.loaders import JSONFileLoader

from sealring_awskms.spec import SPEC
from sealring_plugin import Call, CustomersKey, Purpose, WrapContext

SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"


@pytest.fixture(scope="session", autouse=True)
def _models_are_read_once():
    """Every session of botocore would read its models of AWS anew, for a tenth of a second."""
    read = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


@pytest.fixture(scope="session")
def localstack(tmp_path_factory):
    with emulators.running("localstack", tmp_path_factory.mktemp("localstack") / "log") as port:
        yield emulators.localstack(port)


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    with emulators.running("moto", tmp_path_factory.mktemp("moto") / "log") as port:
        yield emulators.moto(port)


@pytest.fixture
def proxy(localstack):
    """A proxy before LocalStack."""
    made = FaultProxy(localstack.port)
    yield made
    made.close()


@pytest.fixture
def moto_proxy(moto):
    made = FaultProxy(moto.port)
    yield made
    made.close()


@pytest.fixture(scope="session")
def secret_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("secret") / "secret-access-key"
    path.touch(0o600)
    path.write_text(f"{SECRET}\n")
    return path


@pytest.fixture
def settings(secret_file):
    return {"access_key_id": emulators.OURS, "secret_access_key_file": str(secret_file)}


@pytest.fixture
def make_provider(settings, tmp_path):
    """Makes a provider that may talk to some proxies, with other settings where they are given."""
    made = []

    def make_provider(*proxies, **others):
        table = {**settings, "allowed_hosts": ", ".join(each.place for each in proxies), **others}
        chosen = {name: value for name, value in table.items() if value is not None}
        made.append(SPEC.build(SPEC.parse_config(chosen, tmp_path)))
        return made[-1]

    yield make_provider
    for each in made:
        each.close()


@pytest.fixture
def provider(make_provider, proxy):
    return make_provider(proxy)


@pytest.fixture
def key(localstack, proxy):
    """A key of a customer's, behind the proxy."""
    return key_at(proxy, localstack.make_key())


def key_at(proxy, arn, **options):
    way = {} if options.get("role_arn") else {"grant": "direct"}
    pairs = {"endpoint": proxy.url, "external_id": "external-id-of-acme", **way, **options}
    return CustomersKey("awskms", arn, 1, options=tuple(sorted(pairs.items())))


@pytest.fixture
def at():
    return key_at


@pytest.fixture
def context():
    return WrapContext({"organization_id": "org_acme"}, b"aad")


@pytest.fixture
def call():
    def call(seconds=10.0, request_id="req_01J8Z3K5N7Q9"):
        return Call(time.monotonic() + seconds, request_id, "org_acme", Purpose.ENCRYPT)

    return call
