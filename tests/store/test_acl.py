"""The ACL line of docs/storage.md is enough for the server and the doctor, and allows little else."""

import re
from pathlib import Path

import pytest

from sealring.domain.layout import Layout
from sealring.errors import StoreUnavailable
from sealring.store.connection.durability import DurabilityPolicy, require_durability
from sealring.store.connection.links import Links
from sealring.store.doctor.diagnosis import Grade
from sealring.store.doctor.examination import examine
from sealring.store.layout import check_writable, read_layout
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import LAYOUT
from support.make import ACME, caller, context, services
from support.stores import KEYS, STORE_ID, on_links

STORE = Path(__file__).parents[2] / "app" / "sealring" / "store"


def allowed(rules):
    return {rule.removeprefix("+").upper() for rule in rules if rule.startswith("+")}


def test_every_command_of_the_store_is_allowed(acl_rules):
    sources = [path.read_text() for path in STORE.rglob("*.py") if path.parent.name != "doctor"]
    sent = {command for source in sources for command in re.findall(r'\(b"([A-Z]+)"', source)}

    assert len(sent) > 20
    assert sent - allowed(acl_rules) == {"CONFIG"}
    assert "CONFIG|GET" in allowed(acl_rules)


def test_a_start_needs_no_more(acl_links):
    layout = Layout(4, STORE_ID, None, "", b"")
    on_links(acl_links)
    assert read_layout(acl_links) is None

    acl_links.call((b"SET", LAYOUT, b"a layout"))
    check_writable(OpenedStore.of(acl_links, KEYS, layout))

    assert acl_links.call((b"ROLE",))[0][0] == b"master"  # asked where Sentinels name the primary
    assert require_durability(acl_links, DurabilityPolicy()).value == "single"


@pytest.mark.parametrize(
    "command",
    [
        (b"FLUSHALL",),
        (b"FLUSHDB",),
        (b"KEYS", b"s1:*"),
        (b"EVAL", b"return 1", 0),
        (b"FUNCTION", b"LIST"),
        (b"MONITOR",),
        (b"SAVE",),
        (b"BGREWRITEAOF",),
        (b"SHUTDOWN", b"NOSAVE"),
        (b"REPLICAOF", b"127.0.0.1", 1),
        (b"CONFIG", b"SET", b"appendonly", b"no"),
        (b"ACL", b"LIST"),
        (b"CLIENT", b"KILL", b"TYPE", b"normal"),
        (b"SWAPDB", 0, 1),
        (b"RENAME", b"s1:a", b"s1:b"),
        (b"GET", b"another"),
        (b"SET", b"another", b"value"),
        (b"DEL", b"s1:a", b"another"),
    ],
    ids=lambda command: b" ".join(part for part in command if isinstance(part, bytes)).decode(),
)
def test_what_the_server_does_not_need_is_refused(links, acl_links, command):
    links.call((b"SET", b"another", b"kept"))

    with pytest.raises(StoreUnavailable, match="does not let our user do this. Tell the operator"):  # NOPERM
        acl_links.call(command)

    assert links.call((b"GET", b"another")) == [b"kept"]
    assert links.call((b"PING",)) == [b"PONG"]


def test_a_cluster_needs_no_more(cluster, cluster_links, acl_rules):
    for node in cluster.nodes:
        node.client.execute_command("ACL", "SETUSER", "sealring", "reset", *acl_rules)
    links = Links.to(cluster.url.replace("cluster://", "cluster://sealring:a-long-password@"), replicas=1)
    store = on_links(links)

    record = services(store).objects.create(caller(ACME), name="name", value="value", context=context())

    assert store.objects.get(record.id) == record
    links.close()
    for node in cluster.nodes:
        node.client.execute_command("ACL", "DELUSER", "sealring")


def test_the_doctor_needs_no_more(acl_links):
    found = dict(examine(acl_links, destructive=False))

    assert [check for check, finding in found.items() if finding.grade is Grade.FAILED] == []
    assert [check for check, finding in found.items() if finding.grade is Grade.NOTE] == [
        "WATCH, set by a script", "WATCH, FLUSHALL", "WATCH, RENAME over it",
    ]  # fmt: skip


def test_debugging_is_refused_even_where_a_store_enables_it(links, acl_url):
    (said,) = links.call((b"ACL", b"DRYRUN", b"sealring", b"DEBUG", b"SLEEP", 0))

    assert b"no permissions" in said
