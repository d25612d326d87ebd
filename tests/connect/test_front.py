"""The messages of vault.v1: in both encodings, of every size, and nothing but messages."""

import json

import pytest

from connect.kit import ENCRYPT, PROTO, RING, USE, Vault, token, varint

ENCRYPT_PROTO = b"\n\x0dorg_acme/ring\x12\x08a secret"


@pytest.fixture(scope="module")
def vault():
    return Vault()


def test_each_message_has_the_bytes_of_its_fields_by_number(vault):
    sealed = vault.raw("Encrypt", ENCRYPT_PROTO, PROTO)
    encrypted, key_id = fields(sealed.body)
    opened = vault.raw("Decrypt", text(1, RING) + text(2, encrypted), PROTO)
    again = vault.raw("ReEncrypt", text(1, RING) + text(2, encrypted) + text(3, "any"), PROTO)
    items = text(2, text(1, "one") + text(2, "first")) + text(2, text(1, "") + text(2, ""))
    sealed_items = [fields(entry) for entry in fields(vault.raw("EncryptBulk", text(1, RING) + items, PROTO).body)]
    inner = {entry[0]: fields(entry[1].encode("latin-1")) for entry in sealed_items if len(entry) == 2}
    back = text(2, text(1, "one") + text(2, inner["one"][0]))

    assert (sealed.headers["Content-Type"], key_id[:4]) == ("application/proto", "dek_")
    assert opened.body == b"\n\x08a secret"
    assert fields(again.body)[1] == key_id
    assert vault.raw("DecryptBulk", text(1, RING) + back, PROTO).body == b"\n\x0c\n\x03one\x12\x05first"
    assert vault.raw("Liveness", b"", PROTO).body == b"\n\x02ok"


def text(number, value):
    raw = value if isinstance(value, bytes) else value.encode()
    return bytes([number << 3 | 2]) + varint(len(raw)) + raw


def fields(raw):
    """The texts of a message, in the order of their numbers; for a message in a message, its bytes as Latin-1."""
    found = []
    raw = raw if isinstance(raw, bytes) else raw.encode("latin-1")
    while raw:
        size, raw = raw[1], raw[2:]
        if size > 127:
            size, raw = size & 127 | raw[0] << 7, raw[1:]
        found.append(raw[:size].decode("latin-1"))
        raw = raw[size:]
    return found


def test_json_names_fields_in_camel_case_and_leaves_defaults_out(vault):
    sealed = vault.json("Encrypt", ENCRYPT).json

    assert sorted(sealed) == ["encrypted", "keyId"]
    assert vault.json("Decrypt", {"keyring": RING, "encrypted": sealed["encrypted"]}).json == {"plaintext": "a secret"}
    empty = vault.json("Encrypt", {"keyring": RING}).json["encrypted"]
    assert vault.json("Decrypt", {"keyring": RING, "encrypted": empty}).body == b"{}"
    assert vault.json("EncryptBulk", {"keyring": RING}).body == b"{}"
    assert vault.json("Liveness", {}).json == {"status": "ok"}


@pytest.mark.parametrize("spelling", [{"keyId": "x"}, {"key_id": "x"}, {"keyId": None}, {"unknown": [1, {"a": None}]}])
def test_json_is_read_in_both_spellings_with_nulls_and_unknown_fields(vault, spelling):
    encrypted = vault.json("Encrypt", ENCRYPT).json["encrypted"]

    assert vault.json("ReEncrypt", {"keyring": RING, "encrypted": encrypted, **spelling}).status == 200


MALFORMED = {
    "no body": b"",
    "a list": b"[]",
    "a text": b'"text"',
    "null": b"null",
    "a number for a text": b'{"keyring": 1}',
    "a flag for a text": b'{"data": true}',
    "an object for a text": b'{"data": {}}',
    "a list for a text": b'{"data": ["x"]}',
    "a list for a map": b'{"items": []}',
    "a number in a map": b'{"items": {"a": 1}}',
    "null in a map": b'{"items": {"a": null}}',
    "a member twice": b'{"data": "a", "data": "b"}',
    "an item twice": b'{"items": {"a": "x", "a": "y"}}',
    "a field in both spellings": b'{"key_id": "a", "keyId": "b"}',
    "one of them null": b'{"key_id": null, "keyId": "b"}',
    "bad UTF-8": b'{"data": "\xff"}',
    "a lone surrogate": b'{"data": "\\ud800"}',
    "cut off": b'{"data": "a"',
    "something after it": b"{} {}",
    "NaN": b'{"x": NaN}',
    "too deep": b'{"x": ' + 40 * b"[" + 40 * b"]" + b"}",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=list(MALFORMED))
def test_json_that_is_no_message_is_an_invalid_argument(vault, sent):
    answers = [vault.raw(method, sent) for method in ("Encrypt", "EncryptBulk", "ReEncrypt")]

    assert (400, "invalid_argument") in [each.refusal for each in answers if each.status != 200]
    method = "EncryptBulk" if b"items" in sent else "ReEncrypt" if b"key_id" in sent else "Encrypt"
    assert vault.raw(method, sent).refusal == (400, "invalid_argument")


BAD_PROTO = {
    "cut off": b"\n\x0dorg",
    "bad UTF-8": text(1, RING) + text(2, b"\xff"),
    "no field": b"\x07",
    "a wrong wire type is unknown, a group without an end is not": b"\x0b",
    "a number beyond 64 bits": b"\x08" + 11 * b"\xff",
}


@pytest.mark.parametrize("sent", BAD_PROTO.values(), ids=list(BAD_PROTO))
def test_bytes_that_are_no_message_are_an_invalid_argument(vault, sent):
    assert vault.raw("Encrypt", sent, PROTO).refusal == (400, "invalid_argument")


def test_an_empty_message_in_proto_is_one_with_defaults(vault):
    everywhere = token(None, [*USE, "vault:all_organizations"])

    assert vault.raw("Encrypt", b"", PROTO, bearer=everywhere).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/json ;charset=utf-8",
    ],
)
def test_json_may_name_its_charset_in_any_spelling(vault, content_type):
    assert vault.json("Encrypt", ENCRYPT, {"content-type": content_type}).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/json;charset=latin-1",
        "application/proto;a=b",
        "application/grpc",
        "application/connect+proto",
        "application/grpc-web+proto",
    ],
)
def test_another_content_type_is_refused_with_those_that_are_taken(vault, content_type):
    answer = vault.json("Encrypt", ENCRYPT, {"content-type": content_type})

    assert answer.refusal == (415, "unknown")
    assert answer.headers["Accept-Post"] == "application/json, application/proto"


@pytest.mark.parametrize(("version", "status"), [(None, 200), ("1", 200), ("2", 400), ("", 400), ("1,1", 400)])
def test_another_version_of_the_protocol_is_refused(vault, version, status):
    assert vault.json("Encrypt", ENCRYPT, {"connect-protocol-version": version}).status == status


# --- many items


def test_a_call_may_have_ten_thousand_items_and_no_more(vault):
    def items(count):
        return {"keyring": RING, "items": {str(number): "" for number in range(count)}}

    def proto(count):
        return text(1, RING) + b"".join(text(2, text(1, str(number)) + text(2, "")) for number in range(count))

    assert len(vault.json("EncryptBulk", items(10_000)).json["items"]) == 10_000
    assert vault.json("EncryptBulk", items(10_001)).refusal == (429, "resource_exhausted")
    assert vault.raw("EncryptBulk", proto(10_000), PROTO).status == 200
    assert vault.raw("EncryptBulk", proto(10_001), PROTO).refusal == (429, "resource_exhausted")
    assert vault.raw("EncryptBulk", b"\x0b\x0c" + proto(10_001), PROTO).refusal == (429, "resource_exhausted")


def test_ten_thousand_items_of_any_size_are_few_enough(vault):
    items = b"".join(text(2, text(1, str(number)) + text(2, 300 * "x")) for number in range(10_000))

    assert vault.raw("EncryptBulk", text(1, RING) + items, PROTO).status == 200


def test_a_long_text_is_no_list_of_fields(vault):
    sent = text(1, RING) + text(2, 100_000 * "0")

    assert vault.raw("Encrypt", sent, PROTO).status == 200


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("Encrypt", 40_000 * b"\x30\x00"),
        ("Decrypt", 40_000 * b"\x12\x00"),
        ("ReEncrypt", 40_000 * b"\x13\x14"),
        ("EncryptBulk", 40_000 * b"\x12\x00"),
        ("DecryptBulk", text(2, 40_000 * "0\0")),
        ("DecryptBulk", text(1, RING) + text(2, 20_000 * "0\0") + text(2, 20_000 * "0\0")),
    ],
)
def test_a_message_with_more_fields_than_items_need_is_not_parsed(vault, method, sent):
    assert vault.raw(method, sent, PROTO).refusal == (429, "resource_exhausted")


def test_an_unknown_method_is_unimplemented_under_the_whole_package(vault):
    reply = vault.front.refused(404, "id")

    assert (reply.status, json.loads(reply.body)["code"]) == (404, "unimplemented")
    assert vault.front.prefix == "/vault.v1."
    assert dict(vault.front.refused(405, "id").headers) == {"Allow": "POST"}
