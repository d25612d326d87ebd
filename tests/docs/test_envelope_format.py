"""The example of docs/envelope-format.md is a vector, and what it says on the way is what a reader finds."""

import hashlib
import hmac
import json

from docs.markdown import ROOT, read, rows, section
from support import reader

VECTORS = json.loads((ROOT / "tests" / "vectors" / "envelope-v1.json").read_text(encoding="utf-8"))
VECTOR = VECTORS["accept"][0]
EXAMPLE = section(read("docs/envelope-format.md"), "## An example")
FIELDS, WAY = EXAMPLE.split("On the way to the value:")


def hexadecimal(cell):
    return bytes.fromhex(cell.strip("`"))


def test_its_fields_are_the_vector():
    fields = [(int(offset), hexadecimal(raw)) for offset, _, raw in rows(FIELDS)]

    assert VECTOR["name"] == "one KEK"
    assert b"".join(raw for _, raw in fields).hex() == VECTOR["envelope"]
    assert [offset for offset, _ in fields] == [
        sum(len(raw) for _, raw in fields[:place]) for place in range(len(fields))
    ]


def test_its_steps_lead_to_the_value():
    context, kek, h_digest, wrap_key, dek, prk, k, c = (hexadecimal(cells[1]) for cells in rows(WAY))
    source = reader.Bytes(bytes.fromhex(VECTOR["envelope"]))
    head = reader.header(source)
    wraps = reader.wraps(source, head["combine"])

    assert hashlib.sha256(context).digest() == head["context_hash"]
    assert hashlib.sha256(head["H"]).digest() == h_digest
    assert reader.local_key(kek, reader.wrap_aad(head, wraps[0])) == wrap_key
    assert reader.unwrap(head, wraps, {wraps[0]["kek_id"]: kek}) == dek
    assert hmac.digest(head["message_id"], dek, "sha512") == prk
    assert reader.expand(dek, head, b"sealring/v1/enc") == k
    assert reader.expand(dek, head, b"sealring/v1/commit") == c
