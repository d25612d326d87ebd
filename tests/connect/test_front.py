"""The protocol: what a call may say, in which order it is looked at, and what is answered."""

import base64
import gzip
import json
import struct
import time
import zlib

import pytest

from connect.kit import RING, USE, Vault, token, varint
from sealring import errors
from sealring.admission.problems import PROBLEMS
from sealring.connect.codes import CODES
from sealring.domain.keyrings import Sealed
from sealring.domain.limits import Limits
from support.make import limiter
from support.waiting import pause

PROTO = {"content-type": "application/proto"}
ENCRYPT = {"keyring": RING, "data": "a secret"}
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


@pytest.mark.parametrize("timeout", ["-1", "+1", "1.5", "", "x", "12345678901", "\u0661", "1,1", " 1"])
def test_a_timeout_that_is_none_is_an_invalid_argument(vault, timeout):
    assert vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": timeout}).refusal == (400, "invalid_argument")


def test_a_timeout_of_nothing_is_over_at_once(vault):
    assert vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": "0"}).refusal == (504, "deadline_exceeded")
    assert vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": "9999999999"}).status == 200


def test_a_call_that_came_too_late_is_not_done():
    seen = []
    vault = Vault(keyrings=Failing(lambda: None, seen))

    assert vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": "0"}).refusal == (504, "deadline_exceeded")
    assert seen == []


def test_a_use_case_that_takes_longer_than_the_client_waits_is_answered_as_late():
    vault = Vault(keyrings=Slow())

    asked = vault.asked("Encrypt", json.dumps(ENCRYPT).encode(), {"connect-timeout-ms": "50"})

    assert vault.answer(asked).refusal == (504, "deadline_exceeded")
    assert asked.until is not None


def test_the_deadline_of_the_caller_is_the_clients():
    seen = []
    vault = Vault(keyrings=Failing(lambda: None, seen))

    vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": "2000"})

    assert 1 < seen[0].deadline - time.monotonic() < 2


class Failing:
    """Use cases that do something, and fail if that does not."""

    def __init__(self, do, seen=None):
        self._do = do
        self._seen = [] if seen is None else seen

    def encrypt(self, ring, data, caller):
        self._seen.append(caller)
        self._do()
        raise errors.StoreUnavailable("gone")


class Slow:
    """Use cases that succeed, after a while."""

    def encrypt(self, ring, data, caller):
        pause(0.06)
        return Sealed(b"", "dek_1")


def raising(error):
    def do():
        raise error

    return Failing(do)


def test_no_text_of_an_exception_leaves_or_is_logged():
    vault = Vault(keyrings=raising(RuntimeError("a secret in an exception")))

    answer = vault.json("Encrypt", ENCRYPT)

    assert answer.refusal == (500, "internal")
    assert b"a secret" not in answer.body
    assert "a secret" not in vault.log.getvalue()
    assert "RuntimeError" in vault.log.getvalue()


def test_every_failure_has_a_code():
    assert set(CODES) == set(PROBLEMS)


PROMISED = {
    errors.MalformedRequest("m"): (400, "invalid_argument"),
    errors.EnvelopeRejected("r"): (400, "invalid_argument"),
    errors.Unauthenticated("r"): (401, "unauthenticated"),
    errors.Forbidden("m"): (403, "permission_denied"),
    errors.TooManyRequests("m"): (429, "resource_exhausted"),
    errors.RateLimited("subject", 1, 2, 3.0): (429, "resource_exhausted"),
    errors.QuotaExceeded("m"): (429, "resource_exhausted"),
    errors.PayloadTooLarge("m"): (429, "resource_exhausted"),
    errors.Overloaded("m"): (503, "unavailable"),
    errors.IssuerUnavailable(): (503, "unavailable"),
    errors.StoreUnavailable("m"): (503, "unavailable"),
    errors.StoreLost(): (503, "unavailable"),
    errors.WriteContention("m"): (503, "unavailable"),
    errors.KeyUnavailable("m"): (503, "unavailable"),
    errors.KeyDeadlineExceeded("m"): (503, "unavailable"),
    errors.KeyThrottled("m"): (429, "resource_exhausted"),
    errors.KeyDisabled("m"): (400, "failed_precondition"),
    errors.KeyDestroyed("m"): (400, "failed_precondition"),
    errors.KeyExhausted(): (500, "internal"),
    errors.PluginFault("ValueError"): (500, "internal"),
    errors.IntegrityFailure("r"): (500, "data_loss"),
    errors.RequestTimeout(): (504, "deadline_exceeded"),
}


@pytest.mark.parametrize("error", PROMISED, ids=lambda error: type(error).__name__)
def test_a_failure_is_answered_with_its_code_and_its_message(error):
    vault = Vault(keyrings=raising(error))

    answer = vault.json("Encrypt", ENCRYPT)

    assert answer.refusal == PROMISED[error]
    assert answer.json == {"code": PROMISED[error][1], "message": str(error)}


def test_a_limit_says_when_to_come_again():
    answer = Vault(keyrings=raising(errors.RateLimited("subject", 1, 2, 3.0))).json("Encrypt", ENCRYPT)
    large = Vault(keyrings=raising(errors.PayloadTooLarge("m"))).json("Encrypt", ENCRYPT)

    assert (answer.headers["Retry-After"], answer.headers["RateLimit"]) == ("3", '"subject";r=0;t=3')
    assert "Retry-After" not in large.headers


# --- the order


METHODS = ["Encrypt", "Decrypt", "EncryptBulk", "DecryptBulk", "ReEncrypt"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer ", "Basic dTpw", "bearer", ""])
def test_a_body_is_read_for_nobody_without_a_good_token(vault, method, authorization):
    asked = vault.asked(method, b"{ no JSON", {"authorization": authorization})

    answer = vault.answer(asked)

    assert (answer.refusal, asked.reads) == ((401, "unauthenticated"), 0)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("method", METHODS)
def test_a_token_without_the_permission_is_denied_before_its_body_is_read(vault, method):
    asked = vault.asked(method, b"{ no JSON", bearer=token(permissions=["vault:objects:read"]))

    assert (vault.answer(asked).refusal, asked.reads) == ((403, "permission_denied"), 0)


SUBJECT = ("https://auth.example.com", "user_1")


def test_a_body_counts_for_its_organization_or_else_for_its_subject(vault):
    everywhere, nowhere = token(None, [*USE, "vault:all_organizations"]), token(None, keyrings=["shared"])
    asked = [vault.asked("Encrypt", b"", bearer=bearer) for bearer in (None, everywhere, nowhere)]
    for each in asked:
        vault.answer(each)

    assert [each.owner[1:] for each in asked] == [("org_acme",), SUBJECT, SUBJECT]


def test_liveness_needs_no_token_and_takes_little(vault):
    nobody = {"authorization": None}

    assert vault.raw("Liveness", b"{}", nobody).json == {"status": "ok"}
    assert vault.raw("Liveness", b'{"x": "' + 70_000 * b"x" + b'"}', nobody).refusal == (429, "resource_exhausted")


def test_a_rate_is_counted_before_the_body_is_read():
    vault = Vault(limits=limiter(limits_of=lambda _environment, _org: Limits(requests_per_second=1)))
    for _ in range(2):
        assert vault.json("Encrypt", ENCRYPT).status == 200

    asked = vault.asked("Encrypt", b"{ no JSON")

    assert (vault.answer(asked).refusal, asked.reads) == ((429, "resource_exhausted"), 0)


def test_what_has_no_turn_is_not_parsed():
    vault = Vault(limits=limiter(places=0, share=0))

    assert vault.raw("Encrypt", b"{ no JSON").refusal == (503, "unavailable")


@pytest.mark.parametrize("ring", ["org_beta", "org_beta/x", "org_acmes", "org_acmes/x", "other", "", "/org_acme"])
def test_a_keyring_that_the_token_is_not_for_is_denied(vault, ring):
    assert vault.json("Encrypt", {"keyring": ring, "data": "x"}).refusal == (403, "permission_denied")


# --- gzip


GZIP = {"content-encoding": "gzip"}


def test_a_compressed_message_is_read_and_its_size_reserved(vault):
    sent = json.dumps(ENCRYPT).encode()
    asked = vault.asked("Encrypt", gzip.compress(sent), GZIP)

    assert vault.answer(asked).status == 200
    assert asked.reserved == len(sent)


@pytest.mark.parametrize(
    ("data", "times"),
    [("x" * 100_000, 0), ("\U0001f511" * 50_000, 2), ("\\ud83d\\udd11" * 9_000, 2), ("\u00e9" * 100, 0)],
)
def test_memory_is_reserved_for_what_large_texts_become(vault, data, times):
    sent = b'{"keyring": "org_acme/ring", "data": "' + data.encode() + b'"}'
    asked = vault.asked("Encrypt", sent)

    assert vault.answer(asked).status == 200
    assert asked.reserved == times * len(sent)


def test_an_empty_body_is_never_decompressed(vault):
    everywhere = token(None, [*USE, "vault:all_organizations"])

    assert vault.raw("Encrypt", b"", {**PROTO, **GZIP}, bearer=everywhere).status == 200


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "GZIP2"])
def test_another_compression_is_unimplemented_and_the_answer_names_those_that_are(vault, coding):
    answer = vault.json("Encrypt", ENCRYPT, {"content-encoding": coding})

    assert answer.refusal == (501, "unimplemented")
    assert "gzip" in answer.json["message"]


GOOD = gzip.compress(json.dumps(ENCRYPT).encode())
_OF_48_BYTES = json.dumps(ENCRYPT).encode().ljust(48)  # zlib waits for more of the block that the size would begin
_UNENDED = zlib.compressobj(wbits=31)
NO_GZIP = {
    "no gzip": json.dumps(ENCRYPT).encode(),
    "too short": b"\x1f\x8b\x08",
    "cut off": GOOD[:-9] + GOOD[-8:],
    "a bit": GOOD[:20] + bytes([GOOD[20] ^ 1]) + GOOD[21:],
    "no end": _UNENDED.compress(_OF_48_BYTES) + _UNENDED.flush(zlib.Z_SYNC_FLUSH) + struct.pack("<I", 48),
    "a wrong checksum": GOOD[:-8] + b"\x00" * 4 + GOOD[-4:],
    "a lower size": GOOD[:-4] + struct.pack("<I", 5),
    "a higher size": GOOD[:-4] + struct.pack("<I", 500),
    "something after it": GOOD + GOOD,
    "zlib": zlib.compress(json.dumps(ENCRYPT).encode()),
}


@pytest.mark.parametrize("sent", NO_GZIP.values(), ids=list(NO_GZIP))
def test_what_is_no_gzip_of_one_message_is_an_invalid_argument(vault, sent):
    assert vault.raw("Encrypt", sent, GZIP).refusal == (400, "invalid_argument")


def test_a_message_that_decompresses_to_more_than_may_be_sent_is_not_decompressed(vault):
    bomb = gzip.compress(bytes(33 << 20), 9)
    asked = vault.asked("Encrypt", bomb, GZIP)

    assert vault.answer(asked).refusal == (429, "resource_exhausted")
    assert (len(bomb) < 100_000, asked.reserved) == (True, 0)


def test_a_message_over_the_limit_is_refused(vault):
    assert vault.raw("Encrypt", bytes((32 << 20) + 1)).refusal == (429, "resource_exhausted")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("br", None),
        ("gzip; q=0.0", None),
    ],
)
def test_an_answer_is_compressed_for_who_asks(vault, accepted, coding):
    answer = vault.json("Encrypt", {"keyring": RING, "data": 5_000 * "x"}, {"accept-encoding": accepted})

    assert answer.headers.get("Content-Encoding") == coding
    raw = gzip.decompress(answer.body) if coding else answer.body
    assert len(base64.b64decode(json.loads(raw)["encrypted"])) > 5_000


def test_neither_a_small_answer_nor_an_error_is_compressed(vault):
    accepts = {"accept-encoding": "gzip"}

    assert "Content-Encoding" not in vault.json("Encrypt", ENCRYPT, accepts).headers
    assert "Content-Encoding" not in vault.raw("Encrypt", b"", accepts).headers


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
