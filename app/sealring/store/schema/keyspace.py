"""All keys in the store. None of them contains user text.

    key                    type    holds                                   lives             watched by
    s1:layout              string  format, partitions, wrapped store key   forever           the end of a restore
    s1:ready               string  proof that the store accepts writes     60 seconds        nothing
    s1:purge               string  the worker that purges                  150 seconds       nothing
    s1:{p}:z               string  the id of the store, the generation     forever           every write, and a restore
    s1:{p}:o:<object id>   string  an object with its current envelope     until purged      update, delete, restore
    s1:{p}:v:<object id>   hash    older versions by version id            until purged      nothing
    s1:{p}:s:<object id>   list    their summaries, newest first           until purged      nothing
    s1:{p}:n:<name>        string  the id of an organization's live object while it is live  create, restore
    s1:{p}:x:<env>:<org>   zset    live objects of an organization         forever           nothing
    s1:{p}:e:<env>         zset    live objects of an environment          forever           nothing
    s1:{p}:d:<name>        hash    organizations that may have the name    forever (a hint)  nothing
    s1:{p}:t               zset    deleted objects by the time of purge    until purged      nothing
    s1:{p}:k:<KEK id>      string  a KEK                                   forever           nothing
    s1:{p}:u:<KEK id>      hash    counts of a KEK; state of a binding     forever           nothing
    s1:{p}:ul:<KEK id>     stream  one entry: the last use of a binding's KEK  forever       nothing
    s1:{p}:c:<scope>       string  the id of a scope's KEK                 forever           first use
    s1:{p}:b:<env>:<org>   hash    bindings of an organization by id       forever           a change of one
    s1:{p}:r:<env>         hash    revocations of tokens by target         forever           a change of one
    s1:{p}:l:<env>         hash    limits of organizations, by organization  forever         a change of one
    s1:{p}:m:<home>        hash    counts of what organizations store  forever               nothing
    s1:{p}:y:<keyring>     hash    a keyring: its head, and its DEKs by id  until destroyed  a change of it
    s1:{p}:h:<keyring>     hash    counts of its encryptions, by DEK       until destroyed   nothing
    s1:{p}:j               zset    the keyrings of the partition           forever           nothing
    s1:{p}:q               hash    the organization of a binding, by id    forever           nothing
    s1:{p}:cr:<env>:<org>  string  the check of a key that runs            30 seconds        nothing
    s1:{p}:ce:<env>:<org>  string  the last one that ended                 10 minutes        nothing
    s1:{p}:g:<home>        string  an organization's epoch                 forever           each of its writes
    s1:{p}:p:<link>        string  an unused link to the portal            5 minutes         its use
    s1:{p}:f:<session>     string  a session of the portal                 an hour           its end
    s1:{p}:fs              zset    these sessions by the time of their end  a day after the newest began  nothing
    s1:{p}:i:<request>     hash    outcomes of requests by place           24 h, or 120 s    the request's write
    s1:{p}:a               stream  audit entries, the outbox               retention         nothing
    s1:{p}:w               string  nothing: a write that WAIT refers to    60 seconds        nothing

While a restore fills a store, s1:layout and each s1:{p}:z hold its claim instead (store/backup/claim.py).

`{p}`, the hash tag, is the partition in decimal: all keys of an organization are in one slot. Ids are 16 raw bytes, a
home 4; names, scopes, keyrings and requests are keyed digests of 16 bytes, in the directory of 8; the ids of links and
of sessions are 2 bytes of partition, and 14 of a keyed digest of the token. Environment and organization ids have a
strict alphabet.

`sealring doctor store` makes its own keys under s1-doctor:{<random>}: and removes them; none lives longer than 60 s.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from sealring.crypto.store_keys import StoreKeys
from sealring.domain import portal
from sealring.domain.ids import NO_ORG, EnvironmentId, Home, ObjectId, OrgId, environment_id, org_id
from sealring.domain.keyrings import OwnedKeyring
from sealring.domain.owners import owner_bytes
from sealring.domain.portal import PortalToken
from sealring.domain.wire import lp16

LAYOUT = b"s1:layout"
READY = b"s1:ready"
PURGE_LEASE = b"s1:purge"
ALL_KEYS = b"s1:*"  # as SCAN matches

DIRECTORY_BYTES = 8  # of a digest: two names that share one only share a hint


class Kind(Enum):
    """What a key of a partition holds, as the letters in its name. Only kinds of which a partition has many keys."""

    OBJECT = b"o"
    VERSIONS = b"v"
    SUMMARIES = b"s"
    NAME = b"n"
    ORG_INDEX = b"x"
    ENVIRONMENT_INDEX = b"e"
    KEK = b"k"
    KEK_USES = b"u"
    LAST_USE = b"ul"
    KEK_SCOPE = b"c"
    BINDINGS = b"b"
    REVOCATIONS = b"r"
    LIMITS = b"l"
    USAGE = b"m"
    DIRECTORY = b"d"
    EPOCH = b"g"
    KEYRING = b"y"
    KEYRING_USES = b"h"
    OUTCOMES = b"i"
    PORTAL_LINK = b"p"
    PORTAL_SESSION = b"f"


LocalKey = tuple[Kind, bytes]  # a key within its partition: what it holds, and what follows the letter
Owner = tuple[EnvironmentId, OrgId]

_KINDS = {kind.value: kind for kind in Kind}


def parse_key(key: bytes) -> tuple[Kind | None, bytes]:
    """Return the kind of a partition's key, and what follows its letter. None: a kind that is not listed."""
    _, _, name = key.partition(b"}:")
    letter, _, rest = name.partition(b":")
    return _KINDS.get(letter), rest


def parse_environment(rest: bytes) -> EnvironmentId | None:
    """Return the environment of an ENVIRONMENT_INDEX, REVOCATIONS or LIMITS key; None if it names none."""
    return environment_id(rest.decode("ascii", "replace"))


def parse_owner(rest: bytes) -> Owner | None:
    """Return the owner, `<env>:<org>`, of an ORG_INDEX or BINDINGS key, or of a count; None if it names none."""
    environment, _, org = rest.decode("ascii", "replace").partition(":")
    owner = environment_id(environment), org_id(org) if org else NO_ORG
    return None if owner[0] is None or owner[1] is None else (owner[0], owner[1])


def fence_beside(key: bytes) -> bytes:
    """Return the key in the slot of `key` that is written so that WAIT has a write to refer to."""
    return key[: key.index(b"}") + 1] + b":w"


def partition_of(key: bytes) -> int:
    """Return the partition of a key that is in one."""
    return int(key[key.index(b"{") + 1 : key.index(b"}")])


def is_marker(key: bytes) -> bool:
    return key.endswith(b"}:z")


def doctor_prefix(random: str) -> bytes:
    return f"s1-doctor:{{{random}}}:".encode()


class Keyspace:
    """Builds the keys of one store."""

    def __init__(self, partitions: int, keys: StoreKeys) -> None:
        self.partitions = partitions
        self._keys = keys
        self._prefixes = tuple(f"s1:{{{number}}}:".encode() for number in range(partitions))
        self.home = lru_cache(10_000)(self._home)
        self.partition = lru_cache(10_000)(self._partition)
        self.org_index = lru_cache(10_000)(self._org_index)

    def _home(self, environment: EnvironmentId, org: OrgId) -> Home:
        """Keyed, so that nobody can choose an organization id that shares the partition or tag of another."""
        digest = self._keys.locator(b"home", owner_bytes(environment, org))
        return Home.of(
            int.from_bytes(digest[:8], "big") % self.partitions, int.from_bytes(digest[8:], "big") % (1 << 20)
        )

    def _partition(self, environment: EnvironmentId, org: OrgId) -> int:
        return self.home(environment, org).partition

    def holds(self, home: Home) -> bool:
        """Whether the partition of an id's home exists in this store."""
        return home.partition < self.partitions

    def object(self, object_id: ObjectId) -> bytes:
        return self._prefixes[object_id.partition] + b"o:" + object_id.raw

    def versions(self, object_id: ObjectId) -> bytes:
        return self._prefixes[object_id.partition] + b"v:" + object_id.raw

    def summaries(self, object_id: ObjectId) -> bytes:
        return self._prefixes[object_id.partition] + b"s:" + object_id.raw

    def name(self, environment: EnvironmentId, org: OrgId, name: str) -> bytes:
        message = owner_bytes(environment, org) + lp16(name.encode())
        return self._of(environment, org) + b"n:" + self._keys.locator(b"name", message)

    def directory(self, environment: EnvironmentId, name: str) -> bytes:
        digest = self._keys.locator(b"directory", lp16(environment.encode()) + lp16(name.encode()))[:DIRECTORY_BYTES]
        return self._prefixes[int.from_bytes(digest, "big") % self.partitions] + b"d:" + digest

    def _org_index(self, environment: EnvironmentId, org: OrgId) -> bytes:
        return self._of(environment, org) + f"x:{environment}:{org}".encode()

    def environment_index(self, environment: EnvironmentId, partition: int) -> bytes:
        return self._prefixes[partition] + f"e:{environment}".encode()

    def tombstones(self, partition: int) -> bytes:
        return self._prefixes[partition] + b"t"

    def kek(self, environment: EnvironmentId, org: OrgId, kek_id: bytes) -> bytes:
        return self._of(environment, org) + b"k:" + kek_id

    def kek_uses(self, environment: EnvironmentId, org: OrgId, kek_id: bytes) -> bytes:
        return self._of(environment, org) + b"u:" + kek_id

    def last_use(self, environment: EnvironmentId, org: OrgId, kek_id: bytes) -> bytes:
        return self._of(environment, org) + b"ul:" + kek_id

    def kek_scope(self, environment: EnvironmentId, org: OrgId, scope: bytes) -> bytes:
        return self.kek_scope_in(self.partition(environment, org), scope)

    def kek_scope_in(self, partition: int, scope: bytes) -> bytes:
        return self._prefixes[partition] + b"c:" + self._keys.locator(b"scope", scope)

    def bindings(self, environment: EnvironmentId, org: OrgId) -> bytes:
        return self._of(environment, org) + f"b:{environment}:{org}".encode()

    def binding_owners(self, partition: int) -> bytes:
        return self._prefixes[partition] + b"q"

    def running_check(self, environment: EnvironmentId, org: OrgId) -> bytes:
        return self._of(environment, org) + f"cr:{environment}:{org}".encode()

    def ended_check(self, environment: EnvironmentId, org: OrgId) -> bytes:
        return self._of(environment, org) + f"ce:{environment}:{org}".encode()

    def keyring(self, ring: OwnedKeyring) -> bytes:
        return self._of(ring.environment, ring.org) + b"y:" + self.keyring_digest(ring)

    def keyring_uses(self, ring: OwnedKeyring) -> bytes:
        return self._of(ring.environment, ring.org) + b"h:" + self.keyring_digest(ring)

    def keyring_digest(self, ring: OwnedKeyring) -> bytes:
        return self._keys.locator(b"keyring", ring.encoded)

    def keyrings(self, partition: int) -> bytes:
        return self._prefixes[partition] + b"j"

    def revocations(self, environment: EnvironmentId) -> bytes:
        return self._of(environment, NO_ORG) + f"r:{environment}".encode()

    def limits(self, environment: EnvironmentId) -> bytes:
        return self._of(environment, NO_ORG) + f"l:{environment}".encode()

    def usage(self, home: Home) -> bytes:
        return self._prefixes[home.partition] + b"m:" + home.raw

    def epoch(self, home: Home) -> bytes:
        return self._prefixes[home.partition] + b"g:" + home.raw

    def portal_id(self, token: PortalToken) -> bytes:
        """Return the id of a link or a session. A partition that does not exist counts as the first one."""
        partition = token.partition if token.partition < self.partitions else 0
        return portal.id_of(partition, self._keys.locator(b"portal", token.encoded))

    def portal(self, kind: Kind, raw_id: bytes) -> bytes:
        return self.key(portal.partition_of(raw_id), kind, raw_id)

    def portal_sessions(self, partition: int) -> bytes:
        return self._prefixes[partition] + b"fs"

    def outcomes(self, partition: int, environment: EnvironmentId, actor: str, name: bytes) -> bytes:
        message = lp16(environment.encode()) + lp16(actor.encode()) + lp16(name)
        return self._prefixes[partition] + b"i:" + self._keys.locator(b"intent", message)

    def marker(self, partition: int) -> bytes:
        return self._prefixes[partition] + b"z"

    def audit(self, partition: int) -> bytes:
        return self._prefixes[partition] + b"a"

    def pattern(self, partition: int) -> bytes:
        """Return the pattern of SCAN for all keys of a partition."""
        return self._prefixes[partition] + b"*"

    def key(self, partition: int, kind: Kind, rest: bytes) -> bytes:
        """Return the key from which `parse_key` returns `kind` and `rest`."""
        return self._prefixes[partition] + kind.value + b":" + rest

    def _of(self, environment: EnvironmentId, org: OrgId) -> bytes:
        return self._prefixes[self.partition(environment, org)]
