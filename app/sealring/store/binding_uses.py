"""The use of customers' keys: what each has sealed, when it was last used, and since when its binding is in its state.

The hash of a binding's KEK has its counts, which `kek_uses` makes, and two fields more: STATE, written with each change
of the state, and WHOLE, while the counts are of everything that the key ever sealed. Counts and the last use have no
MAC, because the store makes them: nothing relies on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sealring.domain.binding import Binding, BindingUse, StateSince, is_of_binding
from sealring.domain.events import KEY_USES, Event
from sealring.domain.kek import KekUse
from sealring.errors import IntegrityFailure
from sealring.recent import Recent
from sealring.store.connection.link import Command, Reply
from sealring.store.kek_uses import parse_count
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records

NOTED_FOR_S = 60.0  # by each worker, for each key
_NOTED_KEYS = 10_000
LAST_USE_FIELD = b"u"  # a stream entry needs one
_LAST_USE_ID = re.compile(rb"([1-9][0-9]{0,15})-(0|[1-9][0-9]{0,18})")  # milliseconds, and a number

STATE = b"s"
WHOLE = b"a"
_COUNTS = b"v1", b"d1", b"k1"  # versions of objects, data keys, DEKs of keyrings: a binding's KEK has one version


class LastUses:
    """Notes that customers' keys are used, each at most once in a minute. Thread-safe.

    An event of a managed key costs about 0.1 µs; of a customer's, 1 µs, and a command in the first of a minute.
    """

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._noted: Recent[bytes, bool] = Recent(size=_NOTED_KEYS, ttl_s=NOTED_FOR_S)

    def noting(self, event: Event, uses: Sequence[KekUse] = ()) -> Sequence[Command]:
        """Return the commands that note the use which an event reports, to be sent with it; `uses` if it names no keys.

        The store adds the time: a worker whose clock is wrong notes no wrong time, and none goes back.
        """
        keys = tuple((use.kek_id, use.version) for use in uses) if uses and not event.keys else event.keys
        if not keys or not is_of_binding(keys[0][0]) or event.action not in KEY_USES:  # all are bindings', or none
            return ()
        return [self._note(event, kek_id) for kek_id, _ in keys if self._noted.get(kek_id) is None]

    def _note(self, event: Event, kek_id: bytes) -> Command:
        self._noted.put(kek_id, True)
        key = self._keyspace.last_use(event.environment, event.org, kek_id)
        return (b"XADD", key, b"MAXLEN", 1, b"*", LAST_USE_FIELD, b"")


def reading(keyspace: Keyspace, binding: Binding) -> Sequence[Command]:
    """Return the commands for the replies that `use_of` takes."""
    place = binding.environment, binding.org, binding.id
    return ((b"HGETALL", keyspace.kek_uses(*place)), (b"XRANGE", keyspace.last_use(*place), b"-", b"+", b"COUNT", 1))


def use_of(records: Records, binding: Binding, flat: Reply, entries: Reply) -> BindingUse:
    """Return the use of a binding. Raises IntegrityFailure for what sealring does not write there."""
    fields = parse_fields(flat)
    since = records.decode_state(binding.id, fields[STATE]) if STATE in fields else None
    versions, data_keys, keyring_keys = (parse_count(fields.get(field, b"0")) for field in _COUNTS)
    return BindingUse(
        versions,
        data_keys,
        keyring_keys,
        complete=WHOLE in fields,
        last_used_at=parse_last_use(entries),
        state_since=since.at if since is not None and since.is_of(binding) else None,
    )


def parse_fields(flat: Reply) -> dict[bytes, bytes]:
    """Read the hash of a binding's KEK. Raises IntegrityFailure for anything that is not written there."""
    if isinstance(flat, Exception):
        raise IntegrityFailure("the counts of a binding")
    fields: dict[bytes, bytes] = dict(zip(flat[::2], flat[1::2], strict=True))
    if fields.get(WHOLE, b"") or not fields.keys() <= {*_COUNTS, STATE, WHOLE}:
        raise IntegrityFailure("the counts of a binding")
    for field in _COUNTS:
        parse_count(fields.get(field, b"0"))
    return fields


def parse_last_use(entries: Reply) -> int | None:
    """Return the time of a stream's only entry, in microseconds; None if it has none. Raises IntegrityFailure."""
    if isinstance(entries, Exception):
        raise IntegrityFailure("the last use of a binding")
    if not entries:
        return None
    entry_id, fields = entries[0]
    match = _LAST_USE_ID.fullmatch(entry_id)
    if match is None or list(fields) != [LAST_USE_FIELD, b""] or len(entries) > 1:
        raise IntegrityFailure("the last use of a binding")
    return int(match[1]) * 1000


def beginning(
    keyspace: Keyspace, records: Records, found: Iterable[Binding], changed: Iterable[Binding]
) -> Sequence[Command]:
    """Return the commands that say since when bindings are in their states, if they are in others than `found`."""
    known: Mapping[bytes, Binding] = {each.id: each for each in found}
    commands: list[Command] = []
    for each in changed:
        before = known.get(each.id)
        if before is not None and StateSince.of(before).is_of(each):
            continue
        key = keyspace.kek_uses(each.environment, each.org, each.id)
        whole = (WHOLE, b"") if before is None else ()
        commands.append((b"HSET", key, *whole, STATE, records.encode_state(each.id, StateSince.of(each))))
    return commands
