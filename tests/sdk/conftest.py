from contextlib import ExitStack, closing
from uuid import uuid4

import pytest

from faults.proxy import FaultProxy
from sdk.driver import Vault, driver
from sdk.environments import CACHE, command_of
from support.installed import NotInstalled


class Organization:
    """An organization of the test's own."""

    def __init__(self, live):
        self.id = f"org_{uuid4().hex}"
        self.token = live.token(self.id)


@pytest.fixture
def org(live):
    return Organization(live)


@pytest.fixture(scope="session")
def full_org(live):
    """An organization with the objects n000 to n249, the last of them the newest. Read only."""
    org = Organization(live)
    for number in range(250):
        body = {"name": f"n{number:03}", "value": "x", "key_context": {"organization_id": org.id}}
        assert live.ask("POST", "/vault/v1/kv", token=org.token, body=body).status == 201
    return org


@pytest.fixture(scope="session")
def wire(live):
    """What stands between the SDKs and the server, and can lose answers."""
    with closing(FaultProxy(live.url)) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def vault_of(wire, tmp_path_factory, tell):
    """Makes the vault of an SDK's client, with a token as its API key. Each version is one process."""
    logs = tmp_path_factory.mktemp("sdk")
    started = {}
    with ExitStack() as running:

        def vault_of(sdk, token):
            if sdk not in started:
                try:
                    command = command_of(sdk, tell)
                except NotInstalled as missing:
                    raise pytest.fail.Exception(str(missing), pytrace=False) from None
                run = driver(command, f"http://{wire.address}", CACHE / sdk.id, logs / f"{sdk.id}.log")
                started[sdk] = running.enter_context(run)
            return Vault(started[sdk], token)

        yield vault_of


@pytest.fixture
def vault(sdk, org, vault_of):
    """The vault of `sdk`, with a token of `org`."""
    return vault_of(sdk, org.token)


@pytest.fixture
def context(sdk, org):
    """The key context of `org`, as the samples of `sdk` spell it."""
    return {sdk.organization_key: org.id}


@pytest.fixture(scope="session")
def tell(pytestconfig):
    """Prints a line at once, past pytest's capture."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def tell(line):
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", flush=True)  # noqa: T201

    return tell
