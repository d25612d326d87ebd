"""How long the event loop is held by one message of vault.v1 that takes long to refuse: hardly at all."""

import base64
import gzip
import json
import random
import time

import pytest

from connect.kit import RING, Vault, gzip_of_nothing, gzip_of_tiny_blocks, varint
from support.loop import in_fibers, turn

JSON = {}
GZIP = {"content-encoding": "gzip"}
HELD_S = 0.1  # of the processor's time


def decrypt(encrypted):
    return json.dumps({"keyring": RING, "encrypted": base64.b64encode(encrypted).decode()}).encode()


MIB = 1 << 20
LONG_TO_REFUSE = {
    "an envelope of one unknown field, many times": (decrypt(b"\x30\x00" * (2 * MIB)), JSON),
    "an envelope of many unknown fields": (
        decrypt(b"".join(varint(n << 3) + b"\x00" for n in range(1 << 21, (1 << 21) + MIB))),
        JSON,
    ),
    "gzip of nothing": (gzip_of_nothing(4 * MIB), GZIP),
    "the same envelope, compressed": (gzip.compress(decrypt(b"\x30\x00" * (2 * MIB)), 9), GZIP),
}


def test_gzip_that_makes_nothing_is_not_read_to_its_end():
    sent = gzip_of_nothing(16 * MIB)
    began = time.process_time()

    assert Vault().raw("Decrypt", sent, GZIP).refusal == (400, "invalid_argument")
    assert time.process_time() - began < 0.5


def test_gzip_of_tiny_blocks_is_not_read_to_its_end():
    sent = gzip_of_tiny_blocks(16)
    began = time.process_time()

    assert Vault().raw("Decrypt", sent, GZIP).refusal == (429, "resource_exhausted")
    assert time.process_time() - began < 1


def test_gzip_of_several_pieces_is_read_and_nothing_may_follow_it():
    vault = Vault()
    data = base64.b64encode(random.Random(1).randbytes(3 * MIB)).decode()
    sent = gzip.compress(json.dumps({"keyring": RING, "data": data}).encode(), 1)

    encrypted = vault.raw("Encrypt", sent, GZIP).json["encrypted"]

    assert len(sent) > 2 * MIB
    assert vault.json("Decrypt", {"keyring": RING, "encrypted": encrypted}).json == {"plaintext": data}
    for more in (b"\x00", bytes(MIB - len(sent) % MIB), bytes(2 * MIB)):
        assert vault.raw("Encrypt", sent + more + sent[-4:], GZIP).refusal == (400, "invalid_argument")


@pytest.mark.parametrize(("sent", "headers"), LONG_TO_REFUSE.values(), ids=list(LONG_TO_REFUSE))
def test_a_message_that_takes_long_to_refuse_does_not_hold_the_loop(sent, headers):
    vault = Vault()
    vault.json("Encrypt", {"keyring": RING, "data": "x"})
    answers, longest_s = [], [0.0]

    def ask():
        turn()  # the other one looks
        answers.append(vault.raw("Decrypt", sent, headers))

    def look():
        while not answers:
            began = time.thread_time()
            turn()
            longest_s.append(time.thread_time() - began)

    for outcome in in_fibers(ask, look):
        outcome.get()

    assert answers[0].refusal == (400, "invalid_argument")
    assert max(longest_s) < HELD_S
