"""The portal on two servers of two workers each: a link from the API, a key connected in pages, and an object under it."""

import uuid
from contextlib import ExitStack
from http.cookies import SimpleCookie
from threading import Event, Thread
from urllib.parse import urlencode, urlsplit

import pytest

from portal.browser import Page
from sealring.operator.installation import SETTINGS_FILE
from support.live import live_server, running
from support.waiting import becomes_true

ORIGIN = "http://localhost:8420"  # [portal] url of the tests' settings
READERS, READS_BEFORE, READS_LATER = 2, 20, 40  # of each server; of all


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("portal")
    with ExitStack() as running_ones:
        one = running_ones.enter_context(live_server(folder))
        other = running_ones.enter_context(running(folder / SETTINGS_FILE, folder / "other.log", one.kms))
        yield one, other


@pytest.fixture
def org():
    return f"org_{uuid.uuid4().hex[:12]}"


class Tab:
    """A browser whose requests go to the servers in turn."""

    def __init__(self, servers):
        self._servers, self._turn, self._cookie = servers, 0, ""

    def ask(self, method, path, fields=None):
        self._turn += 1
        server = self._servers[self._turn % len(self._servers)]
        headers = {"Host": urlsplit(ORIGIN).netloc, "Sec-Fetch-Site": "same-origin", "Cookie": self._cookie}
        raw = None
        if fields is not None:
            raw = urlencode(fields).encode()
            headers |= {"Origin": ORIGIN, "Content-Type": "application/x-www-form-urlencoded"}
        answer = server.ask(method, path, headers=headers, raw_body=raw)
        if "Set-Cookie" in answer.headers:
            ((name, morsel),) = SimpleCookie(answer.headers["Set-Cookie"]).items()
            self._cookie = f"{name}={morsel.value}"
        if answer.status == 303:
            return self.ask("GET", answer.headers["Location"])
        self.page = Page(answer.status, answer.headers, answer.raw, path)
        return self.page

    def send(self, ending, **typed):
        form = self.page.form(ending)
        return self.ask("POST", form.action, form.fields | typed)

    def checked(self):
        """The page of a check, once it has ended."""

        def ended():
            Event().wait(0.4)  # as often as the script of the page asks; the limits admit no more
            self.ask("GET", self.page.path)
            return "Checking the key" not in self.page.title

        assert becomes_true(ended)
        return self.page


def link_for(server, org):
    body = {"organization": org, "intent": "bring_your_own_key"}
    made = server.ask("POST", "/portal/generate_link", token=server.token(org), body=body)
    assert made.status == 201
    assert made.json["link"].startswith(f"{ORIGIN}/portal?token=")
    return made.json["link"].removeprefix(ORIGIN)


def connected(servers, org, key="key_one"):
    tab = Tab(servers)
    tab.ask("GET", link_for(servers[0], org))
    tab.send("/begin")
    tab.ask("GET", "/portal/connect/example/key")
    tab.send("/key", key=key)
    assert tab.checked().title == "The key works", tab.page.text
    return tab


def create(server, org):
    body = {"name": uuid.uuid4().hex, "value": "v", "key_context": {"organization_id": org}}
    return server.ask("POST", "/vault/v1/kv", token=server.token(org), body=body)


def test_an_object_written_after_the_walk_is_guarded_by_the_key(servers, org):
    connected(servers, org)

    made = create(servers[1], org)

    found = servers[0].ask("GET", f"/sealring/v1/kv/{made.json['id']}/explain", token=servers[0].token(org)).json
    assert [(key["provider"], key["state"]) for key in found["keys"]] == [("example", "usable")]


def test_a_provider_of_somebody_else_has_the_whole_wizard(servers, org):
    tab = Tab(servers)
    tab.ask("GET", link_for(servers[0], org))
    tab.send("/begin")

    assert "Example KMS" in tab.page.text
    assert "Make a key in the console." in tab.ask("GET", "/portal/connect/example/create").text
    assert (
        f"allow sealring to use KEY for organization_id {org}" in tab.ask("GET", "/portal/connect/example/access").text
    )
    assert "For example: orders" in tab.ask("GET", "/portal/connect/example/key").text


def statuses_after_a_stop(servers, tab, org, path):
    """Press the button while every server is read from, and return what reads got that began after the page said so."""
    said, reads, later = Event(), [], []

    def read(server, token):
        while len(later) < READS_LATER:
            kept = later if said.is_set() else reads
            kept.append(server.ask("GET", path, token=token).status)

    readers = [Thread(target=read, args=(server, server.token(org))) for server in servers for _ in range(READERS)]
    tab.ask("GET", "/portal/status")
    tab.ask("GET", next(link for link in tab.page.links if link.endswith("/suspend")))
    for reader in readers:
        reader.start()
    try:
        assert becomes_true(lambda: reads.count(200) > READS_BEFORE)
        page = tab.send("/suspend", organization=org)
        assert "Stopped." in page.text
    finally:
        said.set()
        for reader in readers:
            reader.join(30)
    return set(later)


def test_no_read_that_begins_after_the_page_says_stopped_succeeds(servers, org):
    tab = connected(servers, org)
    path = f"/vault/v1/kv/{create(servers[0], org).json['id']}"

    assert statuses_after_a_stop(servers, tab, org, path) == {424}


@pytest.mark.torture
def test_what_the_page_says_is_true_fifty_times(servers, org):
    tab = connected(servers, org)
    path = f"/vault/v1/kv/{create(servers[0], org).json['id']}"
    found = []
    for _ in range(50):
        found.append(statuses_after_a_stop(servers, tab, org, path))
        tab.ask("GET", "/portal/status")
        tab.send("/resume")
        assert tab.checked().title == "The key works"
        assert becomes_true(lambda: all(s.ask("GET", path, token=s.token(org)).status == 200 for s in servers))

    assert found == [{424}] * 50


def test_the_host_of_the_api_has_no_pages(servers):
    assert servers[0].ask("GET", "/portal/start").status == 404
    assert servers[0].ask("GET", "/portal/style.css").status == 404
