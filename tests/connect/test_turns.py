"""How long the event loop is held by one message of vault.v1 that takes long to refuse: hardly at all."""

import base64
import gzip
import json
import time

import pytest

from connect.kit import RING, Vault, varint
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
    "the same, compressed": (gzip.compress(decrypt(b"\x30\x00" * (2 * MIB)), 9), GZIP),
}


@pytest.mark.parametrize(("sent", "headers"), LONG_TO_REFUSE.values(), ids=list(LONG_TO_REFUSE))
def test_a_message_that_takes_long_to_refuse_does_not_hold_the_loop(sent, headers):
    vault = Vault()
    vault.json("Encrypt", {"keyring": RING, "data": "x"})
    answers, longest_s = [], [0.0]

    def ask():
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
