"""A store with something of everything, and where each of it is."""

from dataclasses import replace

from backup.kit import updated
from sealring.server import wiring
from support.make import ACME, BETA, caller, context
from support.revocations import revoke, token

ME, THEM = caller(ACME), caller(BETA)
BOUND = "org_bound"
NAME, VALUE = "the name of it", "the value of it"


class Damage:
    """A whole object with an older version, a deleted one, one of another organization; and ways to damage them."""

    def __init__(self, installed, opened):
        self.opened = opened
        self.keyspace = opened.parts.keyspace
        use = opened.use
        self.mine = updated(use, ME, use.objects.create(ME, name=NAME, value=VALUE, context=context()), VALUE + "!")
        self.other = use.objects.create(ME, name="other", value="v", context=context())
        doomed = use.objects.create(ME, name="doomed", value="v", context=context())
        self.deleted = use.objects.delete(ME, str(doomed.id), version_check=None)
        self.theirs = use.objects.create(THEM, name=NAME, value="v", context=context(organization_id=BETA))
        self.kek_id = self.mine.current.key_id
        self.binding = installed.bind(use, BOUND, "key_theirs")
        (self.environment,) = installed.settings.environments
        revoke(wiring.Stores.on(opened.parts).revocations, token("t1"), environment=self.environment)

    def call(self, *command):
        return self.opened.links.call(command)[0]

    def place(self, kind, rest):
        return self.keyspace.key(self.mine.id.partition, kind, rest)

    @property
    def key(self):
        return self.keyspace.object(self.mine.id)

    @property
    def name(self):
        return self.keyspace.name(self.mine.environment, ACME, NAME)

    @property
    def index(self):
        return self.keyspace.org_index(self.mine.environment, ACME)

    @property
    def everywhere(self):
        return self.keyspace.environment_index(self.mine.environment, self.mine.id.partition)

    @property
    def tombstones(self):
        return self.keyspace.tombstones(self.mine.id.partition)

    @property
    def bindings(self):
        return self.keyspace.bindings(self.binding.environment, BOUND)

    @property
    def owners(self):
        return self.keyspace.binding_owners(self.mine.id.partition)

    @property
    def revocations(self):
        return self.keyspace.revocations(self.environment)

    @property
    def scope(self):
        return self.keyspace.kek_scope_in(self.mine.id.partition, self.kek.scope)

    @property
    def kek(self):
        return self.opened.store.keks.get(self.mine.environment, ACME, self.kek_id).active

    def member(self, index):
        return next(each for each in self.call(b"ZRANGE", index, 0, -1) if each[:16] == self.mine.id.raw)

    def flip(self, key):
        raw = self.call(b"GET", key)
        self.call(b"SET", key, raw[:-1] + bytes((raw[-1] ^ 1,)))

    def rewrite(self, **changes):
        """Write the record anew, with a MAC that is right."""
        envelope = replace(self.mine.current.envelope, **changes)
        record = replace(self.mine, current=replace(self.mine.current, envelope=envelope))
        self.call(b"SET", self.key, self.opened.parts.records.encode_object(record))
