"""A backup is what docs/stored-formats.md says: a reader that was written from the page alone reads all of it."""

import json

import pytest

from backup.kit import updated
from backup.writers import Writers
from docs.markdown import ROOT
from sealring.domain.binding import BindingState
from sealring.domain.codec import encode_envelope
from sealring.domain.ids import ObjectId, uuid_text
from sealring.domain.kek import KekState
from sealring.domain.limits import Override
from sealring.keys.routing import ManagedKeks
from sealring.operator.whole_store import BackupFiles
from sealring.server import wiring
from sealring.services.items import PlainItem
from sealring.services.objects import ObjectLimits
from support import stored_keys, stored_reader
from support.backup_reader import read_backup
from support.limits import set_limits
from support.make import ACME, BETA, caller, context, services
from support.reader import Refused
from support.revocations import revoke, subject, token

VECTORS = json.loads((ROOT / "tests" / "vectors" / "stored-v1.json").read_text(encoding="utf-8"))
ME, THEM, ALL, BOUND = caller(ACME), caller(BETA), caller(), caller("org_bound")


@pytest.fixture
def made(installed, opened):
    """Something of everything."""
    use, stores = opened.use, wiring.Stores.on(opened.parts)
    few = services(opened.store, limits=ObjectLimits(max_versions=3), provider_gateway=installed.gateway)
    items = services(opened.store, per=ManagedKeks.ITEMS, provider_gateway=installed.gateway)
    mine = use.objects.create(ME, name="żółć", value="one", context=context())
    for value in ("two", "three", "four", "five"):
        mine = updated(few, ME, mine, value)
    updated(use, THEM, use.objects.create(THEM, name="theirs", value="1", context=context(organization_id=BETA)), "2")
    doomed = use.objects.create(ME, name="deleted", value="there still", context=context(organization_id=ACME, k="v"))
    use.objects.delete(ME, str(doomed.id), version_check=None)
    use.objects.create(ALL, name="nobody's", value="v" * 200_000, context=context(kind="x"))
    items.objects.create(ME, name="of two KEKs", value="both", context=context(organization_id=ACME, kind="both"))
    pair = use.data_keys.create(ME, context())
    use.items.encrypt(ME, [PlainItem(index, context(), b"secret") for index in (7, 300)])
    use.data_keys.rekey(ME, pair.wrapped, context(organization_id=ACME, kind="x"))
    binding = installed.bind(use, "org_bound", "key_one")
    use.objects.create(BOUND, name="bound", value="theirs", context=context(organization_id="org_bound"))
    use.bindings.suspend(BOUND, uuid_text(binding.id))
    installed.bind(use, "org_pending", "key_two", activate=False)
    (environment,) = installed.settings.environments
    for each in (token("t1"), subject("billing")):
        revoke(stores.revocations, each, environment=environment)
    set_limits(stores.limits, ACME, Override(objects=5, contexts=0), environment)
    return environment


def read(installed, files):
    root_file = (installed.folder / "etc" / "root.key").read_text()
    return read_backup(root_file, files.data.read_bytes(), files.keys.read_bytes())


@pytest.fixture
def contents(installed, made):
    return read(installed, installed.back_up())


def test_every_value_of_every_version_is_read(contents):
    values = {
        found["name"]: [each["value"] for each in sorted(found["versions"].values(), key=lambda each: each["number"])]
        for found in contents.objects.values()
    }

    assert values == {
        "żółć": ["three", "four", "five"],
        "theirs": ["1", "2"],
        "deleted": ["there still"],
        "nobody's": ["v" * 200_000],
        "of two KEKs": ["both"],
        "bound": [None],
    }


def test_every_object_and_version_is_as_the_store_says(opened, contents):
    for object_id, found in contents.objects.items():
        record = opened.store.objects.get(ObjectId(object_id))

        assert (found["name"], found["context"]) == (record.name, record.context.as_dict())
        assert found["state"] == record.state.name.lower()
        assert times(found) == (record.created_at, record.updated_at, record.purge_at)
        written = record.revision, record.oldest, record.operation
        assert (found["revision"], found["oldest"], found["operation"]) == written
        assert found["current"]["id"] == record.current.id
        for version_id, each in found["versions"].items():
            version = opened.store.objects.version(record, version_id)
            assert (each["number"], each["created"]) == (version.number, version.created_at)
            assert each["author"] == (version.author.id, version.author.name)
            assert each["envelope"] == encode_envelope(version.envelope)
    assert len(contents.objects) == 6


def times(found):
    return found["created"], found["updated"], found["purge"]


def test_every_kek_is_as_the_store_says(opened, contents):
    states = {KekState.ACTIVE: "active", KekState.DECRYPT_ONLY: "decrypt only", KekState.DESTROYED: "destroyed"}
    for kek_id, found in contents.keks.items():
        source = stored_reader.Source(found["scope"])
        record = opened.store.keks.get(source.text16(), source.text16(), kek_id)

        (kek,) = record.versions
        bound = record.bound and (dict(record.bound.options), record.bound.show)
        assert (found["scope"], found["bound"]) == (record.scope, bound)
        assert found["versions"] == {
            1: {
                "number": kek.version,
                "state": states[kek.state],
                "created": kek.created_at,
                "root": (kek.root_domain, kek.root_epoch),
                "provider": kek.provider,
                "provider_key_id": kek.provider_key_id,
                "material": kek.material,
            }
        }
    assert sum(found["bound"] is not None for found in contents.keks.values()) == 2
    assert len(contents.scopes) == len(contents.keks) - 2
    assert sorted(filter(None, contents.counts.values()), key=str) == [{b"d1": 1}, {b"d1": 2}, {b"v1": 1}]


def test_the_use_of_each_customers_key_is_as_the_store_says(opened, contents):
    for kek_id, found in contents.uses.items():
        (binding,) = opened.store.bindings.load(*opened.store.bindings.owner(kek_id)).bindings
        (use,) = opened.store.bindings.uses(binding.environment, binding.org, [binding]).values()

        assert contents.counts[kek_id].get(b"v1", 0) == use.versions
        assert found["state"]["since"] == use.state_since
        assert (found["last used"] and found["last used"] * 1000, found["whole"]) == (use.last_used_at, use.complete)
    assert sorted(found["state"]["state"] for found in contents.uses.values()) == ["pending", "suspended"]


def test_the_limits_that_were_set_are_read(contents, made):
    assert contents.limits == {
        made: {ACME: {"requests_per_second": None, "objects": 5, "stored_bytes": None, "contexts": 0}}
    }


def test_every_binding_is_as_the_store_says(opened, contents):
    for (environment, org), found in contents.bindings.items():
        (each,), (binding,) = found, opened.store.bindings.load(environment, org).bindings

        assert each["id"] == binding.id
        assert (each["state"], each["shut"]) == (binding.state.name.lower(), binding.shut)
        assert (each["provider"], each["key"], each["options"]) == ("cmk", binding.key, dict(binding.options))
        assert (each["match"], each["show"], each["replaces"]) == (dict(binding.match), (), b"")
        assert (each["combine"], each["max_stale_decrypt_s"]) == ("all", 0)
        assert (each["created"], each["updated"]) == (binding.created_at, binding.updated_at)
        assert (each["verification"] is None) is (binding.verification is None)
        if binding.verification is not None:
            assert each["verification"]["verified"] is binding.verification.verified
            assert each["verification"]["checked"] == binding.verification.checked_at
    assert {org: found[0]["state"] for (_, org), found in contents.bindings.items()} == {
        "org_bound": "suspended",
        "org_pending": "pending",
    }


def test_every_revocation_is_as_the_store_says(opened, contents, made):
    found = {(each["reach"], each["issuer"], each["of"], each["before"]) for each in contents.revocations[made]}

    assert found == {
        (each.target.reach.name.lower(), each.target.issuer, each.target.of, each.issued_before)
        for each in wiring.Stores.on(opened.parts).revocations.load(made)
    }
    assert len(found) == 2


def test_every_event_is_as_the_store_says(opened, contents):
    events = [event for _, event in sorted(contents.events, key=lambda each: each[0])]

    assert events
    for found, event in zip(events, opened.store.events(), strict=True):
        assert (found["action"], found["environment"], found["org"]) == (event.action, event.environment, event.org)
        assert (found["operation"], found["attempt"]) == (event.origin.operation, event.origin.attempt)
        assert (found["issuer"], found["subject"]) == (event.origin.issuer, event.origin.subject)
        assert (found["request_id"], found["target"]) == (event.origin.request_id, event.target)
        assert (found["name"], found["context"]) == (event.name, event.context and event.context.as_dict())
        assert (found["keys"], found["refused"], found["reason"]) == (event.keys, event.refused, event.reason)
        assert (found["provider"], found["detail"]) == (event.provider, event.detail)


def test_the_pin_is_that_of_the_backup(installed, contents):
    pin = (installed.folder / "etc" / "store-pin").read_text().split()

    store_id = uuid_text(contents.head["layout"]["store_id"])
    assert pin == ["sealring", "store", "pin", "1", "store", store_id, "key", contents.keys.pin.hex()]


def test_markers_and_names_follow_from_what_is_in_it(opened, contents):
    """What a restore makes: the reader could make it too."""
    keyspace, digest = opened.parts.keyspace, contents.keys.digest
    for object_id, found in contents.objects.items():
        head, place = found["current"]["head"], f"s1:{{{int.from_bytes(object_id[:4], 'big') >> 20}}}:".encode()
        whose = b"".join(stored_reader.lp16(head[each].encode()) for each in ("environment", "org"))
        name = digest("locator", b"name" + whose + stored_reader.lp16(found["name"].encode()))
        directory = digest(
            "locator",
            b"directory"
            + stored_reader.lp16(head["environment"].encode())
            + stored_reader.lp16(found["name"].encode()),
        )

        assert keyspace.name(head["environment"], head["org"], found["name"]) == place + b"n:" + name
        assert keyspace.directory(head["environment"], found["name"]) == b"s1:{%d}:d:%s" % (
            int.from_bytes(directory[:8], "big") % 2,
            directory[:8],
        )
    markers = opened.links.call((b"GET", b"s1:{0}:z"), (b"GET", b"s1:{1}:z"))
    found = {stored_keys.marker(contents.keys, partition, raw) for partition, raw in enumerate(markers)}
    store_id = contents.head["layout"]["store_id"]
    assert found == {(store_id, store_id)}


def test_members_of_indexes_are_as_the_page_says(opened, contents, made):
    live = {object_id: found for object_id, found in contents.objects.items() if found["state"] == "live"}
    for object_id, found in live.items():
        organizations = opened.parts.keyspace.org_index(made_env(found), found["org"])
        for key in (organizations, everywhere(opened, found)):
            flat = opened.links.call((b"ZRANGE", key, 0, -1, b"WITHSCORES"))[0]
            assert (object_id, found["updated"]) in zip(flat[::2], map(int, flat[1::2]), strict=True)
    assert len(live) == 5


def made_env(found):
    return found["current"]["head"]["environment"]


def everywhere(opened, found):
    partition = int.from_bytes(found["current"]["head"]["object_id"][:4], "big") >> 20
    return opened.parts.keyspace.environment_index(made_env(found), partition)


def test_a_backup_that_was_made_beside_writers_is_read_too(installed, opened):
    orgs = ["org_1", "org_2"]
    for org in orgs:
        for name in ("first", "second"):
            opened.use.objects.create(caller(org), name=name, value="0", context=context(organization_id=org))

    with Writers(installed, orgs) as writers:
        read_all = [read(installed, installed.back_up(str(number))) for number in range(4)]

    assert writers.failures == []
    for contents in read_all:
        pairs = {}
        for found in contents.objects.values():
            if found["state"] == "live" and found["name"] in {"first", "second"}:
                value = int(found["versions"][found["current"]["id"]]["value"])
                pairs.setdefault(found["current"]["head"]["org"], {})[found["name"]] = value
        assert {org: pair["first"] - pair["second"] for org, pair in pairs.items()}.items() <= {
            (org, behind) for org in orgs for behind in (0, 1)
        }
        assert set(pairs) == set(orgs)


def test_the_backup_of_the_vectors_is_restored(installed):
    """It was written by the page alone, of an environment that these settings do not have."""
    etc, backup = installed.folder / "etc", VECTORS["backup"]
    (etc / "root.key").write_text(backup["roots"])
    (etc / "store-pin").write_text(backup["pin"])
    (etc / "store-layout").unlink()
    files = BackupFiles(installed.folder / "data", installed.folder / "keys")
    files.data.write_bytes(bytes.fromhex(backup["data"]))
    files.keys.write_bytes(bytes.fromhex(backup["keys"]))

    installed.restore(files)

    (environment,) = installed.settings.environments
    assert installed.findings == [f"{environment}: it has no list of revocations"]
    me = caller(VECTORS["org"], environment=VECTORS["environment"])
    with installed.opened(installed.there) as restored:
        opened = restored.use.objects.read_by_name(me, "name", None)
        versions = restored.use.versions.list(me, str(opened.record.id))
        values = [restored.use.versions.read(me, str(opened.record.id), uuid_text(each.id)).value for each in versions]
        assert values == ["żółć", "one"]
        assert [each.state for each in restored.store.bindings.load(me.principal.environment, "org_acme").bindings] == [
            BindingState.ACTIVE
        ]


@pytest.mark.parametrize("file", ["data", "keys"])
def test_a_byte_that_was_altered_is_seen_by_this_reader_too(installed, made, file):
    files = installed.back_up()
    path = getattr(files, file)
    raw = path.read_bytes()

    for place in range(0, len(raw), 997):
        path.write_bytes(raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :])
        with pytest.raises((Refused, KeyError)):
            read(installed, files)
