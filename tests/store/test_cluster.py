"""A cluster: slots that move, nodes that fail, connections that die at the worst moment. Nothing is lost."""

import threading
from contextlib import closing, contextmanager, suppress

import pytest
import redis

from sealring.errors import StoreError
from sealring.store.connection.cluster import Cluster
from sealring.store.connection.links import Links
from sealring.store.connection.store_url import StoreUrl
from sealring.store.schema.keyspace import Keyspace
from sealring.store.transaction import Commit, transact
from support.cluster import running_cluster
from support.fake_store import answering
from support.make import caller, context, gateway, services
from support.stores import KEYS, on_links
from support.waiting import becomes_true

PARTITIONS = 4
CLUSTER_SLOTS = sorted({redis.crc.key_slot(f"s1:{{{number}}}:o".encode()) for number in range(PARTITIONS)})


@pytest.fixture
def store(cluster_links):
    return on_links(cluster_links, PARTITIONS)


@pytest.fixture
def use(store):
    return services(store)


class Writers:
    """Threads that update an object each, and remember what was acknowledged."""

    def __init__(self, use, count=4):
        self.use = use
        self._records = [
            use.objects.create(caller(), name=f"object {n}", value="0", context=context(organization_id=f"org_{n}"))
            for n in range(count)
        ]
        self.acknowledged = [0] * count
        self._going = True
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._going = False
        for thread in self._threads:
            thread.join()

    def lost(self):
        """What was acknowledged and is not there."""
        return [n for n, record in enumerate(self._records) if self._stored(record) < self.acknowledged[n]]

    def gaps(self):
        return [
            n
            for n, record in enumerate(self._records)
            if (numbers := [each.number for each in self.use.versions.list(caller(), str(record.id))])
            != list(range(numbers[0], numbers[0] - len(numbers), -1))
        ]

    def _stored(self, record):
        return int(self.use.objects.read(caller(), str(record.id)).value)

    def _write(self, n):
        number = 0
        while self._going:
            number += 1
            with suppress(StoreError):
                self.use.objects.update(
                    caller(), str(self._records[n].id), value=str(number), version_check=None, contexts=()
                )
                self.acknowledged[n] = number


def all_went_on(writers):
    """Every writer is acknowledged again, and again."""
    before = list(writers.acknowledged)
    return becomes_true(lambda: all(now > then for now, then in zip(writers.acknowledged, before, strict=True)))


def move_at_once(cluster, slot, target):
    """Valkey 9: the whole slot changes hands in one step."""
    owner = cluster.owner(slot)
    owner.client.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
    assert becomes_true(lambda: cluster.owner(slot) is target)


def move_key_by_key(cluster, slot, target):
    """As Redis and older Valkeys do: for a while, some keys of the slot are here and some there."""
    owner = cluster.owner(slot)
    source = redis.Redis(port=owner.port)
    target.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id)
    source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
    while keys := source.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10):
        source.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 2000, "KEYS", *keys)
    for node in (target, owner, *cluster.primaries):
        node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", target.id)
    assert becomes_true(lambda: cluster.owner(slot) is target)


@pytest.mark.parametrize("move", [move_at_once, move_key_by_key])
def test_slots_that_move_under_load_lose_nothing(cluster, use, move):
    with Writers(use) as writers:
        for slot in CLUSTER_SLOTS:
            target = next(node for node in cluster.primaries if node is not cluster.owner(slot))
            move(cluster, slot, target)
        assert all_went_on(writers)

    assert writers.lost() == []
    assert writers.gaps() == []


def test_a_primary_that_dies_loses_nothing_that_a_replica_has(tmp_path):
    with running_cluster(tmp_path / "cluster") as cluster:
        keys, confirmed, links = gateway(bytes(32)), Links.to(cluster.url, replicas=1), Links.to(cluster.url)
        with Writers(services(on_links(confirmed, PARTITIONS), provider_gateway=keys)) as writers:
            victim = cluster.owner(CLUSTER_SLOTS[0])
            assert all_went_on(writers)
            victim.process.kill()
            survivors = [node for node in cluster.nodes if node is not victim]
            assert becomes_true(lambda: sum(node.client.role()[0] == "master" for node in survivors) == 3)

        # The slots of the dead node have no replica left to wait for.
        writers.use = services(on_links(links, PARTITIONS), provider_gateway=keys)
        assert becomes_true(lambda: _answers(writers))
        assert writers.lost() == []
        confirmed.close()
        links.close()


def _answers(writers):
    with suppress(StoreError):
        return writers.gaps() == []
    return False


def _interrupted(cluster, key, commit):
    """Between WATCH and EXEC a rival writes, and then every connection dies."""
    rival = redis.Redis(port=cluster.owner(redis.crc.key_slot(key)).port)
    once = []

    def attempt(read, write):
        seen = read()
        if not once:
            once.append(True)
            rival.set(key, b"rival")
            rival.client_kill_filter(_type="normal", skipme=True)
        write(b"mine after " + seen)

    commit(attempt)
    return rival.get(key)


def test_a_connection_that_dies_between_watch_and_exec_loses_no_update(cluster, cluster_links):
    key = b"s1:{0}:o:test"
    cluster_links.call((b"SET", key, b"first"))

    def commit(attempt):
        def step(link, _lost):
            written = []
            attempt(lambda: link.send((b"WATCH", key), (b"GET", key))[1], written.append)
            return Commit(((b"SET", key, written[0]),), None)

        transact(cluster_links, key, step)

    assert _interrupted(cluster, key, commit) == b"mine after rival"


def test_the_cluster_client_of_redis_py_loses_that_update_which_is_why_it_is_not_used(cluster, cluster_links):
    key = b"s1:{0}:o:test"
    cluster_links.call((b"SET", key, b"first"))
    client = redis.RedisCluster("127.0.0.1", cluster.nodes[0].port)

    def commit(attempt):
        with client.pipeline(transaction=True) as pipe:
            pipe.watch(key)

            def write(value):
                pipe.multi()
                pipe.set(key, value)
                pipe.execute()

            attempt(lambda: pipe.get(key), write)

    assert _interrupted(cluster, key, commit) == b"mine after first"  # the rival's write is gone
    client.close()


def test_a_cluster_is_found_by_any_of_its_nodes(cluster):
    dead = "127.0.0.1:1"
    topology = Cluster(StoreUrl.parse(f"cluster://{dead},127.0.0.1:{cluster.nodes[5].port}"))

    owners = {topology.pool(f"s1:{{{number}}}:o".encode()) for number in range(64)}

    assert len(owners) == 3
    topology.look_again()


def test_the_keys_of_an_organization_are_on_one_node(cluster, cluster_links):
    keyspace = Keyspace(PARTITIONS, KEYS)
    prefix = keyspace.audit(0)[:-1]

    assert (
        len({redis.crc.key_slot(prefix + kind) for kind in (b"o:1", b"v:1", b"n:1", b"k:1", b"a", b"w", b"i:1")}) == 1
    )


def test_the_answers_of_several_nodes_come_in_the_order_of_the_commands(cluster, cluster_links):
    keys = [b"s1:{%d}:o:test" % partition for partition in range(12)]
    cluster_links.call(*((b"SET", key, key) for key in keys))

    assert cluster_links.call(*((b"GET", key) for key in keys)) == keys
    assert len({cluster.owner(redis.crc.key_slot(key)).port for key in keys}) == 3


# --- how nodes name themselves


@contextmanager
def naming(cluster, kind):
    """Let each node say its place in that way."""
    for node in cluster.nodes:
        node.client.config_set("cluster-preferred-endpoint-type", kind)
    try:
        yield
    finally:
        for node in cluster.nodes:
            node.client.config_set("cluster-preferred-endpoint-type", "ip")


@pytest.mark.parametrize(("kind", "said"), [("ip", "127.0.0.1"), ("unknown-endpoint", None), ("hostname", "?")])
def test_a_node_is_found_however_it_names_itself(cluster, kind, said):
    keys = [b"s1:{%d}:o:test" % partition for partition in range(12)]

    with naming(cluster, kind), closing(Links.to(cluster.url)) as links:
        assert cluster.nodes[0].client.execute_command("CLUSTER", "SLOTS")[0][2][0] == said
        links.call(*((b"SET", key, key) for key in keys))

        assert links.call(*((b"GET", key) for key in keys)) == keys
        links.look_again()
        assert links.call(*((b"GET", key) for key in keys)) == keys


@pytest.mark.parametrize("host", ["$9\r\n127.0.0.1\r\n", "$0\r\n\r\n", "$-1\r\n", "$1\r\n?\r\n"])
def test_a_node_that_names_no_host_is_where_it_was_asked(host):
    """As over a tunnel or a port of Kubernetes, to which no node knows the way."""
    ports, asked = [], []

    def answer(words):
        asked.append(words[0])
        place = f"{host}:{ports[0]}\r\n$2\r\nid\r\n"
        return f"*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n{place}".encode() if words[0] == b"CLUSTER" else b"+PONG\r\n"

    with answering(answer) as port:
        ports.append(port)
        with closing(Links.to(f"cluster://localhost:{port}")) as links:
            assert links.call((b"PING",)) == [b"PONG"]

    assert asked == [b"CLUSTER", b"PING"]
