"""A second reader of backups, written from docs/stored-formats.md alone: it shares no code with the server.

It opens both files with the root file of `local`, checks every MAC, decodes every record and opens every envelope that a
managed KEK guards.
"""

import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support import stored_keys, stored_lists
from support import stored_reader as stored
from support.reader import Bytes, Refused, header, read_object, wraps
from support.stored_reader import Source

CHUNK = 65_536 + 16
DATA, KEYS = 1, 2


@dataclass
class Contents:
    """What a backup holds. Objects have `versions` by id, the current one among them, each with its `value` or None."""

    head: dict
    keys: stored.Keys
    objects: dict = field(default_factory=dict)
    keks: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)  # of KEKs
    uses: dict = field(default_factory=dict)  # of KEKs of bindings
    scopes: dict = field(default_factory=dict)  # by partition and digest
    bindings: dict = field(default_factory=dict)
    revocations: dict = field(default_factory=dict)
    limits: dict = field(default_factory=dict)
    events: list = field(default_factory=list)


def read_backup(root_file, data, keys):
    root_keys = stored_keys.roots(root_file)
    heads = head(data, DATA), head(keys, KEYS)
    if heads[0]["layout"]["store_id"] != heads[1]["layout"]["store_id"] or heads[1]["made"] < heads[0]["made"]:
        raise Refused("two backups")
    contents = Contents(heads[0], store_keys(root_keys, heads[1]["layout"]))
    for raw, each in ((keys, heads[1]), (data, heads[0])):
        _read_file(contents, raw, each, root_keys)
    _open_everything(contents, root_keys)
    return contents


def head(raw, kind):
    source = Source(raw)
    if source.take(4) != b"SLRB" or source.number(1) != 3:
        raise Refused("magic or format")
    inner = Source(source.prefixed(2))
    found = {"kind": inner.number(1), "made": inner.number(8), "layout": stored_keys.layout(inner.prefixed(2))}
    found |= {"alg": inner.text8(), "wrapped": inner.prefixed(2), "raw": raw[: source.at]}
    inner.end()
    if found["kind"] != kind:
        raise Refused("the other file")
    return found


def store_keys(root_keys, layout):
    return stored.Keys(unwrapped(root_keys, layout, layout["alg"], stored_keys.layout_aad(layout), layout["wrapped"]))


def unwrapped(root_keys, layout, alg, aad, blob):
    """What the KEK of a layout record wrapped."""
    if layout["provider"] != "local" or alg != "hkdf-a256gcm" or layout["root"][0] != "keep":
        raise Refused("another provider or domain")
    kek = stored_keys.local_kek(root_keys, {**layout, "number": layout["version"]}, stored_keys.STORE_SCOPE)
    return stored_keys.local_unwrapped(kek, aad, blob)


def file_key(root_keys, head):
    made = head["made"].to_bytes(8, "big")
    aad = b"sealring/v1/backup\x03" + bytes([head["kind"]]) + head["layout"]["store_id"] + made
    return unwrapped(root_keys, head["layout"], head["alg"], aad, head["wrapped"])


def chunks(raw, head, key):
    """The stream of entries."""
    cipher = AESGCM(stored.hkdf(key, b"sealring/v1/chunks" + hashlib.sha256(head["raw"]).digest()))
    sealed = raw[len(head["raw"]) :]
    pieces = [sealed[at : at + CHUNK] for at in range(0, len(sealed), CHUNK)]
    try:
        opened = [
            cipher.decrypt(number.to_bytes(12, "big"), piece, _chunk_aad(number, last=number == len(pieces) - 1))
            for number, piece in enumerate(pieces)
        ]
    except InvalidTag:
        raise Refused("chunk") from None
    if not opened or not opened[-1]:
        raise Refused("no chunk, or an empty one")
    return b"".join(opened)


def _chunk_aad(number, *, last):
    return number.to_bytes(8, "big") + bytes([last])


def _read_file(contents, raw, head, root_keys):
    stream = Source(chunks(raw, head, file_key(root_keys, head)))
    file = _File(contents, head["kind"], head["layout"]["partitions"])
    while not file.ended:
        file.note(Source(stream.prefixed(4)))
    stream.end()


class _File:
    """Notes the entries of one file, and looks at a partition when it ends."""

    def __init__(self, contents, kind, partitions):
        self._contents, self._kind, self._partitions = contents, kind, partitions
        self._partition = -1
        self._held = {}
        self._counted = Counter()
        self.ended = False

    def note(self, entry):
        both = {1: self._begin, 7: self._end}
        data = {2: self._object, 3: self._version, 5: self._bindings, 6: self._event, 8: self._revocations}
        data |= {9: self._bound_kek, 10: self._limits}
        read = (both | (data if self._kind == DATA else {4: self._key})).get(entry.number(1))
        if read is None:
            raise Refused("an entry of the other file, or of none")
        read(entry)
        entry.end()

    def _begin(self, entry):
        self._finish()
        self._partition += 1
        if entry.number(2) != self._partition:
            raise Refused("partitions out of order")

    def _end(self, entry):
        self._finish()
        names = ("objects", "versions", "keks", "scopes", "bindings", "events", "revocations")
        if {name: entry.number(8) for name in names} != {name: self._counted[name] for name in names}:
            raise Refused("counts")
        if self._partition != self._partitions - 1:
            raise Refused("partitions missing")
        self.ended = True

    def _object(self, entry):
        object_id, record, summaries = entry.take(16), entry.prefixed(4), []
        while entry.left:
            summaries.append(entry.prefixed(2))
        self._held["object", object_id] = record, summaries, {}

    def _version(self, entry):
        object_id, version_id = entry.take(16), entry.take(16)
        self._held["object", object_id][2][version_id] = entry.prefixed(4)

    def _key(self, entry):
        kind, rest, value, counts = entry.take(1), entry.prefixed(2), entry.prefixed(4), []
        while entry.left:
            counts.append(entry.prefixed(2))
        self._held[{b"k": "kek", b"c": "scope"}[kind], rest] = value, counts

    def _bound_kek(self, entry):
        kek_id, record, uses = entry.take(16), entry.prefixed(4), []
        while entry.left:
            uses.append(entry.prefixed(2))
        self._held["kek", kek_id] = record, uses

    def _bindings(self, entry):
        self._hash("bindings", entry)

    def _revocations(self, entry):
        self._hash("revocations", entry)

    def _limits(self, entry):
        self._hash("limits", entry)

    def _hash(self, kind, entry):
        owner, parts = entry.prefixed(2), []
        while entry.left:
            parts.append(entry.prefixed(4))
        self._held[kind, owner] = (dict(zip(parts[::2], parts[1::2], strict=True)),)

    def _event(self, entry):
        stream_id, field_name, body = entry.prefixed(2), entry.prefixed(4), entry.prefixed(4)
        if field_name != b"e":
            raise Refused("field")
        found = stored_lists.audit_entry(self._contents.keys, self._partition, body)
        at = tuple(map(int, stream_id.split(b"-")))
        self._contents.events += [(at, event) for event in stored_lists.events_of(found)]
        self._counted["events"] += 1

    def _finish(self):
        """Decode what the partition held in the end."""
        for (kind, rest), (value, *more) in self._held.items():
            if value:
                getattr(self, f"_whole_{kind}")(rest, value, *more)
        self._held = {}

    def _whole_object(self, object_id, record, summaries, versions):
        keys, partitions = self._contents.keys, self._contents.head["layout"]["partitions"]
        found = stored.stored_object(keys, partitions, object_id, record)
        if int.from_bytes(object_id[:4], "big") >> 20 != self._partition:
            raise Refused("partition")
        older = {each: stored.older_version(keys, found, object_id, each, raw) for each, raw in versions.items()}
        told = [stored.summary(keys, object_id, each) for each in summaries]
        numbers = list(range(found["current"]["number"] - 1, found["oldest"] - 1, -1))
        if [each["number"] for each in told] != numbers or {each["id"] for each in told} != set(older):
            raise Refused("versions")
        if any(stored.summarized(keys, older[each["id"]]) != each for each in told):
            raise Refused("summary")
        current = found["current"]
        self._contents.objects[object_id] = {**found, "versions": {current["id"]: current, **older}}
        self._counted["objects"] += 1
        self._counted["versions"] += len(older)

    def _whole_kek(self, kek_id, value, counts):
        found = stored_keys.kek(self._contents.keys, kek_id, value)
        if (found["bound"] is not None) != (self._kind == DATA):
            raise Refused("a KEK in the other file")
        self._contents.keks[kek_id] = found
        held = dict(zip(counts[::2], counts[1::2], strict=True))
        if self._kind == DATA:
            self._contents.uses[kek_id] = self._use(kek_id, held)
        self._contents.counts[kek_id] = {field: int(count) for field, count in held.items()}
        self._counted["keks"] += 1

    def _use(self, kek_id, held):
        """Takes all but the counts out of what is held."""
        state, last, whole = held.pop(b"s", None), held.pop(b"l", None), held.pop(b"a", None)
        if whole not in {None, b""} or not held.keys() <= {b"v1", b"d1", b"k1"}:
            raise Refused("the use of a binding")
        return {
            "state": state and stored_lists.binding_state(self._contents.keys, kek_id, state),
            "last used": last and int(last.split(b"-")[0]),
            "whole": whole is not None,
        }

    def _whole_scope(self, digest, value, _counts):
        self._contents.scopes[self._partition, digest] = value
        self._counted["scopes"] += 1

    def _whole_bindings(self, owner, fields):
        environment, org = owner.decode().split(":")
        layout = self._contents.head["layout"]
        found = stored_lists.bindings(self._contents.keys, layout["partitions"], environment, org, fields)
        self._contents.bindings[environment, org] = found
        self._counted["bindings"] += len(found)

    def _whole_limits(self, owner, fields):
        self._contents.limits[owner.decode()] = stored_lists.limits(self._contents.keys, owner.decode(), fields)

    def _whole_revocations(self, owner, fields):
        found = stored_lists.revocations(self._contents.keys, owner.decode(), fields)
        self._contents.revocations[owner.decode()] = found
        self._counted["revocations"] += len(found)


def _open_everything(contents, root_keys):
    """Check what leads to KEKs, and open what managed ones guard."""
    for (_, digest), kek_id in contents.scopes.items():
        scope = contents.keks[kek_id]["scope"]
        if not hmac.compare_digest(contents.keys.digest("locator", b"scope" + scope), digest):
            raise Refused("scope")
    for each in contents.bindings.values():
        for binding in each:
            if contents.keks[binding["id"]]["bound"] != (binding["options"], binding["show"]):
                raise Refused("the KEK of another binding")
    for found in contents.objects.values():
        for version in found["versions"].values():
            version["value"] = _value(contents, root_keys, version["envelope"])


def _value(contents, root_keys, envelope):
    """The value; None where a key of a customer's guards it."""
    source = Bytes(envelope)
    head = header(source)
    whose = stored.lp16(head["environment"].encode()) + stored.lp16(head["org"].encode())
    keks = {}
    for wrap in wraps(source, head["combine"]):
        kek = contents.keks[wrap["kek_id"]]
        version = kek["versions"][wrap["kek_version"]]
        if version["provider"] != wrap["provider"] or not kek["scope"].startswith(whose):
            raise Refused("KEK")
        if kek["bound"] is not None:
            return None
        if version["provider"] != "local" or version["root"][0] != "data":
            raise Refused("root")
        keks[wrap["kek_id"]] = stored_keys.local_kek(root_keys, version, kek["scope"])
    return read_object(envelope, keks).decode()
