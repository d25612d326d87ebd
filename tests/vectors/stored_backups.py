"""Vectors of backups: one that is whole, and those that every reader has to refuse."""

from support import stored_writer as make
from support.stored_reader import lp16, lp32
from support.stored_writer import u8, u16, u64
from vectors.stored_records import (
    BINDING,
    BINDING_ID,
    BOUND_KEK,
    CONTEXT,
    ENVIRONMENT,
    EVENT,
    HEAD,
    HOME,
    KEEP_KEK,
    KEK_BODY,
    KEK_ID,
    LIMITS,
    OBJECT_ID,
    ORG,
    PARTITION,
    PARTITIONS,
    REST,
    SCOPE,
    SHORT_CONTEXT,
    STORE_ID,
    SUMMARY,
    TARGETS,
    VERSION_IDS,
    VERSIONS,
    WRITER,
    bindings,
    layout,
    limits,
    revocations,
)

MADE = 1_800_000_000_000_000


def file(kind, entries, made=MADE, **options):
    aad = b"sealring/v1/backup\x03" + u8(kind) + STORE_ID + u64(made)
    key = bytes([0xB0 + kind]) * 32
    head = make.backup_head(kind, made, layout(), make.local_wrapped(KEEP_KEK, aad, key), **options)
    return head + make.chunks(head, key, b"".join(entries))


def counted(*numbers):
    return make.entry(7, b"".join(map(u64, numbers)))


def partition(number):
    return make.entry(1, u16(number))


def flat(mapping):
    return b"".join(lp32(part) for pair in mapping.items() for part in pair)


def of_data():
    record = WRITER.object(OBJECT_ID, HEAD, REST)
    earlier = make.object_rest(VERSION_IDS[0], VERSIONS[0], SHORT_CONTEXT)
    gone = make.entry(2, HOME + bytes(12) + lp32(b""))
    first = make.entry(2, OBJECT_ID + lp32(WRITER.object(OBJECT_ID, HEAD, earlier)))
    last = make.entry(2, OBJECT_ID + lp32(record) + lp16(WRITER.summary(OBJECT_ID, SUMMARY)))
    version = WRITER.version(ENVIRONMENT, ORG, CONTEXT, OBJECT_ID, VERSION_IDS[0], u8(2) + VERSIONS[0])
    return (
        make.entry(6, lp16(b"1700000000000-0") + lp32(b"e") + lp32(WRITER.audit_entry(PARTITION, EVENT))),
        first,
        gone,
        last,
        make.entry(3, OBJECT_ID + VERSION_IDS[0] + lp32(version)),
        make.entry(5, lp16(f"{ENVIRONMENT}:{ORG}".encode()) + flat(bindings({BINDING_ID: BINDING}))),
        make.entry(9, BINDING_ID + lp32(WRITER.kek(BINDING_ID, BOUND_KEK))),
    )


def of_keys():
    digest = WRITER.keys.digest("locator", b"scope" + SCOPE)
    counts = b"".join(map(lp16, (b"w1", b"2", b"d1", b"1")))
    return (
        make.entry(4, b"k" + lp16(KEK_ID) + lp32(WRITER.kek(KEK_ID, KEK_BODY)) + counts),
        make.entry(4, b"c" + lp16(digest) + lp32(KEK_ID)),
    )


def placed(entries, also=()):
    """The entries of each partition, those of the organization in its own; `also`: in that of no organization."""
    none = int.from_bytes(WRITER.keys.home(ENVIRONMENT, "", PARTITIONS), "big") >> 20
    for number in range(PARTITIONS):
        yield partition(number)
        yield from entries if number == PARTITION else ()
        yield from also if number == none else ()


REVOCATIONS = make.entry(8, lp16(ENVIRONMENT.encode()) + flat(revocations(TARGETS)))
LIMITS_ENTRY = make.entry(10, lp16(ENVIRONMENT.encode()) + flat(limits(LIMITS)))
DATA_END, KEYS_END = counted(1, 1, 1, 0, 1, 1, 3), counted(0, 0, 1, 1, 0, 0, 0)


def data(*end, **options):
    return file(1, (*placed(of_data(), (REVOCATIONS, LIMITS_ENTRY)), *(end or (DATA_END,))), **options)


def keys(*end, **options):
    return file(2, (*placed(of_keys()), *(end or (KEYS_END,))), **options)


def refused_backups():
    yield "format 1", data(form=1), keys()
    yield "format 2", data(form=2), keys()
    yield "data for key records", keys(), keys()
    yield "key records for data", data(), data()
    yield "key records of an earlier time", data(), keys(made=MADE - 1)
    yield "another kind in the head", data()[:7] + b"\2" + data()[8:], keys()
    yield "another time in the head", data()[:15] + b"\1" + data()[16:], keys()
    yield "no end", data(b""), keys()
    yield "other counts", data(counted(2, 1, 1, 0, 1, 1, 3)), keys()
    yield "an entry after the end", data(DATA_END, partition(2)), keys()
    yield "one partition", data(), file(2, (partition(0), counted(0, 0, 0, 0, 0, 0, 0)))
    yield "an unknown entry", data(make.entry(11, b""), DATA_END), keys()
    yield "a byte too many", data() + b"\0", keys()
    yield "cut off", data()[:-1], keys()
