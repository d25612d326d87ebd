"""A store has the class that its settings give it, and what it lacks for a better one is said."""

import pytest
import redis

from sealring.errors import SettingsInvalid, StoreUnavailable
from sealring.operator.embedded import EmbeddedValkey
from sealring.store.connection.durability import (
    Durability,
    DurabilityPolicy,
    StoreFacts,
    assess,
    read_facts,
    require_durability,
)
from sealring.store.connection.links import Links
from support.stores import fake_links
from support.valkeys import SINGLE, running_valkey
from support.waiting import becomes_true

ON_DISK = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
    "min-replicas-to-write": "0",
    "min-replicas-max-lag": "10",
}
REPLICATED = {**ON_DISK, "min-replicas-to-write": "1", "min-replicas-max-lag": "1"}
ALONE = {"connected_slaves": "0"}
FOLLOWED = {"connected_slaves": "2"}
WAITING = DurabilityPolicy(wait_replicas=1)
DECLARED = DurabilityPolicy(declared_durable=True)
ALLOW_INFO = "allow +info to the user of the URL"
ALLOW_OR_DECLARE = (
    "allow +config|get to the user of the URL, or set declared_durable = true in [store] if the service's "
    "documentation promises that an acknowledged write is durable"
)
WAIT = "set wait_replicas = 1 or more in [store] (it is 0)"
WRITE_TO_REPLICAS = "set min-replicas-to-write 1 or more (it is 0)"
LAG = "set min-replicas-max-lag 1 (it is 10)"


def assessed(config, info=ALONE, policy=DurabilityPolicy()):  # noqa: B008  it is frozen
    verdict = assess([StoreFacts(config, info)], policy)
    return verdict.durability.value, verdict.lacking


def test_one_node_with_each_write_on_disk_is_single():
    assert assessed(ON_DISK) == ("single", (WRITE_TO_REPLICAS, LAG, WAIT))


def test_a_store_that_waits_for_replicas_is_strong():
    assert assessed(REPLICATED, FOLLOWED, WAITING) == ("strong", ())


@pytest.mark.parametrize(
    ("name", "value", "lacking"),
    [
        ("appendonly", "no", "set appendonly yes (it is no)"),
        ("appendfsync", "everysec", "set appendfsync always (it is everysec)"),
        ("no-appendfsync-on-rewrite", "yes", "set no-appendfsync-on-rewrite no (it is yes)"),
        ("maxmemory-policy", "allkeys-lru", "set maxmemory-policy noeviction (it is allkeys-lru)"),
        ("maxmemory-policy", "volatile-ttl", "set maxmemory-policy noeviction (it is volatile-ttl)"),
    ],
)
@pytest.mark.parametrize("others", [ON_DISK, REPLICATED])
def test_one_setting_that_loses_writes_makes_it_best_effort(others, name, value, lacking):
    assert assessed({**others, name: value}, policy=WAITING) == ("best effort", (lacking,))


@pytest.mark.parametrize(
    ("config", "policy", "lacking"),
    [
        ({**REPLICATED, "min-replicas-to-write": "0"}, WAITING, WRITE_TO_REPLICAS),
        ({**REPLICATED, "min-replicas-max-lag": "10"}, WAITING, LAG),
        ({**REPLICATED, "min-replicas-max-lag": "0"}, WAITING, "set min-replicas-max-lag 1 (it is 0)"),
        (REPLICATED, DurabilityPolicy(), WAIT),
    ],
)
def test_replicas_without_all_of_the_strong_settings_are_best_effort(config, policy, lacking):
    assert assessed(config, FOLLOWED, policy) == ("best effort", (lacking,))
    assert assessed(config, ALONE, policy) == ("single", (lacking,))


def test_a_setting_that_the_store_does_not_say_counts_for_nothing():
    config = {name: value for name, value in ON_DISK.items() if name != "appendfsync"}

    assert assessed(config) == ("best effort", ("set appendfsync always (the store does not report it)",))


def test_a_store_that_hides_its_replicas_is_best_effort():
    assert assessed(ON_DISK, {}) == ("best effort", (ALLOW_INFO,))


def test_a_store_that_hides_its_settings_is_best_effort():
    assert assessed({}) == ("best effort", (ALLOW_OR_DECLARE,))


@pytest.mark.parametrize("config", [{}, {**ON_DISK, "appendonly": "no"}])
def test_a_declared_store_is_strong_whatever_can_be_read_of_its_file(config):
    assert assessed(config, FOLLOWED, DECLARED) == ("strong", ())


@pytest.mark.parametrize(
    ("config", "info"), [({"maxmemory-policy": "volatile-lru"}, {}), ({}, {"maxmemory_policy": "volatile-lru"})]
)
def test_a_declared_store_that_evicts_is_best_effort(config, info):
    assert assessed(config, info, DECLARED) == (
        "best effort",
        ("set maxmemory-policy noeviction (it is volatile-lru)",),
    )


@pytest.mark.parametrize("weaker_first", [False, True])
def test_a_store_is_what_its_weakest_primary_is(weaker_first):
    strong, single = StoreFacts(REPLICATED, FOLLOWED), StoreFacts({**REPLICATED, "min-replicas-to-write": "0"}, ALONE)
    best_effort = StoreFacts({**REPLICATED, "appendonly": "no"}, FOLLOWED)

    def assessed_together(*nodes):
        return assess(nodes[::-1] if weaker_first else nodes, WAITING).durability

    assert assessed_together(strong, strong) is Durability.STRONG
    assert assessed_together(strong, single) is Durability.SINGLE
    assert assessed_together(single, best_effort) is Durability.BEST_EFFORT


# --- what is read of real servers


@pytest.fixture
def own(tmp_path):
    """Links to a Valkey that a test may set as it likes."""
    with EmbeddedValkey(tmp_path) as store:
        links = Links.to(store.url)
        yield links
        links.close()


def required(links, **policy):
    return require_durability(links, DurabilityPolicy(**policy)).value


def test_the_embedded_store_is_single(own):
    assert required(own) == "single"


@pytest.mark.parametrize(("name", "value"), [(b"appendfsync", b"everysec"), (b"maxmemory-policy", b"allkeys-lru")])
def test_a_store_below_single_is_refused_in_one_line_that_says_how_to_go_on(own, name, value):
    own.call((b"CONFIG", b"SET", name, value))

    with pytest.raises(SettingsInvalid) as refused:
        required(own)

    assert f"; to fix it: set {name.decode()} " in str(refused.value)
    assert str(refused.value).endswith("Or set accept_data_loss = true in [store] to run anyway")
    assert "\n" not in str(refused.value)
    assert required(own, accept_data_loss=True) == "best effort"


@pytest.mark.parametrize(
    ("rule", "declared", "expected"),
    [
        (b"-config", False, Durability.BEST_EFFORT),
        (b"-config", True, Durability.STRONG),
        (b"-info", False, Durability.BEST_EFFORT),
    ],
)
def test_what_an_acl_forbids_to_read_counts_for_nothing(own, rule, declared, expected):
    own.call((b"ACL", b"SETUSER", b"default", rule))

    assert assess(read_facts(own), DurabilityPolicy(declared_durable=declared)).durability is expected


def test_a_store_that_knows_neither_command_is_best_effort():
    assert required(fake_links(), accept_data_loss=True) == "best effort"


def test_a_store_that_is_away_is_not_taken_for_one_that_refuses(tmp_path):
    with EmbeddedValkey(tmp_path) as store:
        links = Links.to(store.url)

    with pytest.raises(StoreUnavailable):
        required(links, accept_data_loss=True)


def test_a_primary_with_a_replica_is_strong_or_best_effort(tmp_path):
    strong = (*SINGLE, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "1", "--repl-diskless-sync-delay", "0")
    with running_valkey(tmp_path / "primary", *strong) as url:
        links = Links.to(url)
        assert required(links) == "single"
        with (
            running_valkey(tmp_path / "replica", "--replicaof", "127.0.0.1", url.rpartition(":")[2]),
            redis.Redis.from_url(url) as client,
        ):
            assert becomes_true(lambda: client.info("replication")["connected_slaves"] == 1)

            assert required(links, accept_data_loss=True) == "best effort"
            assert required(links, wait_replicas=1) == "strong"
        links.close()


@pytest.mark.parametrize("which", [0, 1, 2])
def test_every_primary_of_a_cluster_is_asked(cluster, which):
    links = Links.to(cluster.url)
    for node in cluster.primaries:
        node.client.config_set("min-replicas-to-write", 1, "min-replicas-max-lag", 1)
    try:
        assert required(links, wait_replicas=1) == "strong"

        cluster.primaries[which].client.config_set("appendfsync", "everysec")

        assert required(links, wait_replicas=1, accept_data_loss=True) == "best effort"
    finally:
        for node in cluster.primaries:
            node.client.config_set("appendfsync", "always", "min-replicas-to-write", 0, "min-replicas-max-lag", 10)
        links.close()
