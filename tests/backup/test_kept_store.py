"""The store of each release is read, written, verified and backed up by the code of today.

A change of a format that does not read the old one fails here. The files may never change: a release adds one.
"""

import base64
import hashlib
from contextlib import closing

import pytest

from backup.kept import holds, put_back
from backup.kit import updated
from docs.markdown import ROOT
from sealring.domain.ids import uuid_text
from sealring.services.listing import ListOptions
from sealring.store.connection.links import Links
from support.live import running
from support.make import ACME, caller

STORES = {
    "store-0.1.0.json": "07091c9794309f05430ee045451b87db5a9321fa523f163cd221c4733958b2dd",
}
FOLDER = ROOT / "tests" / "vectors"


@pytest.fixture(params=STORES)
def path(request):
    return FOLDER / request.param


@pytest.fixture
def installed(path, engines, tmp_path):
    for url in engines:
        with closing(Links.to(url)) as links:
            links.call((b"FLUSHALL",))
    return put_back(path, tmp_path, *engines)


@pytest.fixture
def found(path):
    return holds(path)


@pytest.fixture
def me(installed):
    (environment,) = installed.settings.environments
    return caller(ACME, environment=environment)


@pytest.fixture
def everybody(installed):
    (environment,) = installed.settings.environments
    return caller(environment=environment)


def values(use, everybody):
    names = [row.name for row in use.lists.list(everybody, ListOptions(limit=100)).rows]
    return {name: use.objects.read_by_name(everybody, name, None).value for name in names}


def test_every_store_of_a_release_is_kept_as_it_was():
    made = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("store-*.json")}

    assert made == STORES


def test_it_is_read(opened, found, me, everybody):
    assert values(opened.use, everybody) == found["values"]
    mine = found["ids"]["żółć"]
    listed = [uuid_text(each.id) for each in opened.use.versions.list(me, mine)]
    read = {each: opened.use.versions.read(me, mine, each).value for each in listed}
    assert read == found["versions"]
    assert len(opened.store.events()) > found["events"]


def test_its_data_keys_are_opened(opened, found, me):
    pair = opened.use.data_keys.decrypt(me, base64.b64decode(found["data key"]["wrapped"]))

    assert pair.secret.hex() == found["data key"]["secret"]


def test_it_is_whole(installed):
    assert installed.verify() == []


def test_a_server_serves_it(installed, found, tmp_path):
    """A process with the settings of today: all but what is under a customer's key, which is in no KMS here."""
    path = installed.settings.path
    with running(path, tmp_path / "server.log", None, workers=1) as live:
        token = live.token(ACME)
        read = live.ask("GET", f"/vault/v1/kv/{found['ids']['żółć']}", token=token)
        pair = live.ask("POST", "/vault/v1/keys/decrypt", token=token, body={"keys": found["data key"]["wrapped"]})

    assert (read.status, read.json["value"]) == (200, found["values"]["żółć"])
    assert base64.b64decode(pair.json["data_key"]).hex() == found["data key"]["secret"]


def test_it_is_written(installed, opened, found, me, everybody):
    use, mine = opened.use, opened.use.objects.read_by_name(me, "żółć", None).record
    updated(use, me, mine, "six")
    use.objects.delete(me, str(use.objects.read_by_name(me, "restored", None).record.id), version_check=None)
    use.objects.restore(me, found["ids"]["deleted"])

    rest = {name: value for name, value in found["values"].items() if name != "restored"}
    assert values(use, everybody) == {**rest, "żółć": "six", "deleted": "there still"}
    assert installed.verify() == []


def test_it_is_backed_up_and_restored(installed, opened, found, everybody):
    installed.restore(installed.back_up())

    assert installed.findings == []
    with installed.opened(installed.there) as restored:
        assert values(restored.use, everybody) == found["values"]
