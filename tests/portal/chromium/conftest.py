"""One server with every kind of key, and one browser, for all walks."""

import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from workos import WorkOSClient

from portal.chromium.clouds import Clouds
from portal.chromium.elsewhere import Elsewhere
from portal.chromium.launched import chromium
from support.live import live_server


@pytest.fixture(scope="package")
def clouds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chromium")
    with closing(Clouds(folder, folder / "localstack.log")) as clouds:
        clouds.folder = folder
        yield clouds


@pytest.fixture(scope="package")
def server(clouds):
    with live_server(clouds.folder, more=clouds.settings) as server:
        yield server


@pytest.fixture(scope="package")
def elsewhere():
    with closing(Elsewhere()) as elsewhere:
        yield elsewhere


@pytest.fixture(scope="package")
def browser(server, elsewhere):
    with chromium({"localhost:8420": server.url.removeprefix("http://"), **elsewhere.hosts}) as browser:
        yield browser


@pytest.fixture
def org():
    return f"org_{uuid.uuid4().hex[:12]}"


@dataclass
class Customer:
    """An organization, and its application with the official SDK."""

    org: str
    server: Any
    client: WorkOSClient

    def link(self, **urls):
        made = self.client.admin_portal.generate_link(organization=self.org, intent="bring_your_own_key", **urls)
        return made.link

    def write(self):
        context = {"organization_id": self.org}
        return self.client.vault.create_kv(name=uuid.uuid4().hex, value="v", key_context=context).id

    def guards(self, object_id):
        """Which providers have the keys of an object, and in which state."""
        path = f"/sealring/v1/kv/{object_id}/explain"
        found = self.server.ask("GET", path, token=self.server.token(self.org)).json
        return [(key["provider"], key["state"]) for key in found["keys"]]


@pytest.fixture
def customer(server, org):
    with closing(WorkOSClient(api_key=server.token(org), client_id="client", base_url=server.url)) as client:
        yield Customer(org, server, client)


@pytest.fixture
def make_page(browser):
    """Makes a page in a browser of its own."""
    made = []

    def make_page(**options):
        made.append(browser.new_context(**options))
        made[-1].set_default_timeout(10_000)
        return made[-1].new_page()

    yield make_page
    for context in made:
        context.close()


@pytest.fixture
def page(make_page):
    return make_page()
