"""The vectors of stored records and of a backup, read by the server and by a reader that shares no code with it."""

import ast
import json
from pathlib import Path

import pytest

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.backup import FileKind
from sealring.domain.pin import Pin
from sealring.errors import BackupRefused, IntegrityFailure, SealringError, StoreLost
from sealring.keys.backup_key import open_backup_key
from sealring.keys.store_key import open_store_keys
from sealring.operator.whole_store import BackupFiles
from sealring.store.backup.file import BackupFile
from sealring.store.backup.restore import Survey
from sealring.store.schema.audit_entry import AuditEntry, decode_entry, encode_entry
from sealring.store.schema.keyspace import Keyspace
from sealring_local.roots import Roots
from sealring_local.wrap import LocalProvider
from support import stored_reader
from support.backup_reader import read_backup
from support.make import on_provider
from support.reader import Refused
from vectors.stored_by_server import by_the_server
from vectors.stored_readings import by_the_other_reader

VECTORS = json.loads(Path(__file__).with_name("stored-v1.json").read_text(encoding="utf-8"))
STORE_KEY = bytes.fromhex(VECTORS["store_key"])
BACKUP = VECTORS["backup"]


def named(vectors):
    return [pytest.param(each, id=f"{each.get('kind', 'backup')}: {each['name']}") for each in vectors]


@pytest.mark.parametrize("vector", named(VECTORS["accept"]))
def test_the_server_reads_what_is_to_be_accepted(vector):
    assert by_the_server(StoreKeys(STORE_KEY), vector) == vector["holds"]


@pytest.mark.parametrize("vector", named(VECTORS["accept"]))
def test_the_other_reader_reads_what_is_to_be_accepted(vector):
    assert by_the_other_reader(stored_reader.Keys(STORE_KEY), vector) == vector["holds"]


@pytest.mark.parametrize("vector", named(VECTORS["refuse"]))
def test_the_server_refuses_what_is_to_be_refused(vector):
    with pytest.raises((ValueError, IntegrityFailure, StoreLost)):
        by_the_server(StoreKeys(STORE_KEY), vector)


@pytest.mark.parametrize("vector", named(VECTORS["refuse"]))
def test_the_other_reader_refuses_what_is_to_be_refused(vector):
    with pytest.raises(Refused):
        by_the_other_reader(stored_reader.Keys(STORE_KEY), vector)


@pytest.mark.parametrize("vector", named(each for each in VECTORS["accept"] if each["kind"] != "layout"))
def test_another_store_refuses_what_is_to_be_accepted(vector):
    """All but the layout, which has no MAC: it is believed as far as the pin goes."""
    with pytest.raises((IntegrityFailure, StoreLost)):
        by_the_server(StoreKeys(bytes(32)), vector)


def test_the_server_writes_an_audit_entry_as_it_is_in_the_vector():
    keys = StoreKeys(STORE_KEY)
    for vector in VECTORS["accept"]:
        if vector["kind"] == "audit entry":
            raw, partition = bytes.fromhex(vector["raw"]), vector["place"]["partition"]
            entry = decode_entry(keys, partition, raw)

            assert isinstance(entry, AuditEntry)
            assert encode_entry(keys, partition, entry) == raw


def test_the_home_of_an_organization_is_that_of_the_vectors():
    keyspace = Keyspace(VECTORS["partitions"], StoreKeys(STORE_KEY))

    assert keyspace.home(VECTORS["environment"], VECTORS["org"]).raw.hex() == VECTORS["home"]


# --- a backup


def files(folder, data, keys):
    made = BackupFiles(folder / "data", folder / "keys")
    made.data.write_bytes(bytes.fromhex(data))
    made.keys.write_bytes(bytes.fromhex(keys))
    return made


@pytest.fixture
def gateway():
    return on_provider(LocalProvider(Roots.parse(BACKUP["roots"])))


def surveyed(gateway, made):
    """What a restore reads of both files before it writes."""
    pin = Pin.parse(BACKUP["pin"])
    with BackupFile.opened(made.data, FileKind.DATA) as data, BackupFile.opened(made.keys, FileKind.KEYS) as keys:
        if keys.head.created_at < data.head.created_at:
            raise BackupRefused("older")
        return [_surveyed(gateway, file, pin) for file in (data, keys)]


def _surveyed(gateway, file, pin):
    with open_backup_key(gateway, file.head, pin) as dek:
        return Survey(file.entries(dek, lambda _: None), file.head.layout.partitions)


def test_the_server_reads_the_backup(gateway, tmp_path):
    data, keys = surveyed(gateway, files(tmp_path, BACKUP["data"], BACKUP["keys"]))

    assert str(data.counts + keys.counts) == (
        "1 objects, 1 older versions, 2 KEKs of 1 scopes, 1 bindings, 3 revocations, 1 audit entries"
    )


def test_the_other_reader_reads_the_backup():
    contents = read_backup(BACKUP["roots"], bytes.fromhex(BACKUP["data"]), bytes.fromhex(BACKUP["keys"]))

    (found,) = contents.objects.values()
    assert {each["id"].hex(): each["value"] for each in found["versions"].values()} == BACKUP["values"]
    assert len(contents.keks) == 2
    assert len(contents.bindings[VECTORS["environment"], VECTORS["org"]]) == 1
    assert len(contents.revocations[VECTORS["environment"]]) == 3
    assert contents.limits[VECTORS["environment"]][VECTORS["org"]]["contexts"] == 4


def test_the_store_key_of_the_backup_is_that_of_the_vectors(gateway, tmp_path):
    made = files(tmp_path, BACKUP["data"], BACKUP["keys"])
    with BackupFile.opened(made.keys, FileKind.KEYS) as keys:
        found = open_store_keys(gateway, keys.head.layout, Pin.parse(BACKUP["pin"]))

    assert found.record(b"x") == StoreKeys(STORE_KEY).record(b"x")


@pytest.mark.parametrize("vector", named(BACKUP["refuse"]))
def test_the_server_refuses_a_backup_that_is_to_be_refused(gateway, tmp_path, vector):
    made = files(tmp_path, vector["data"], vector["keys"])

    with pytest.raises(SealringError):
        surveyed(gateway, made)


@pytest.mark.parametrize("vector", named(BACKUP["refuse"]))
def test_the_other_reader_refuses_a_backup_that_is_to_be_refused(vector):
    with pytest.raises(Refused):
        read_backup(BACKUP["roots"], bytes.fromhex(vector["data"]), bytes.fromhex(vector["keys"]))


# --- the other readers


@pytest.mark.parametrize(
    "name", ["reader", "stored_reader", "stored_keys", "stored_lists", "stored_writer", "backup_reader"]
)
def test_the_other_readers_share_no_code_with_the_server(name):
    tree = ast.parse((Path(__file__).parents[1] / "support" / f"{name}.py").read_text(encoding="utf-8"))
    imported = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    imported |= {name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names}

    assert imported
    assert {each for each in imported if each.startswith("sealring")} == set()
