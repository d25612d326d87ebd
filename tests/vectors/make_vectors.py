"""Makes the vectors of format 1. From the first release on they may never change.

.venv/bin/python tests/vectors/make_vectors.py > tests/vectors/envelope-v1.json
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.reader import blob_mac, expand, item_key, local_key, wrap_aad

ENVIRONMENT = b"environment_01J00000000000000000000000"
ORG = b"org_acme"
KEKS = [bytes([fill]) * 32 for fill in (0xA1, 0xA2)]
KEK_IDS = [bytes([fill]) * 16 for fill in (0xB1, 0xB2)]
DEK = bytes(range(32))
STORE_KEY = bytes([0x5C]) * 32
CONTEXT = b"\0\x0forganization_id\0\x08org_acme"


def lp(part):
    return len(part).to_bytes(2, "big") + part


def header(suite, combine, org=ORG, context=CONTEXT):
    ids = (bytes([0xC1]) * 16, bytes([0xD1]) * 16) if suite == 1 else (b"", b"")
    raw = (
        b"SLRG\x01"
        + suite.to_bytes(2, "big")
        + bytes([combine])
        + bytes([0xE1]) * 32
        + b"".join(lp(part) for part in (ENVIRONMENT, org, *ids))
        + sha256(context).digest()
    )
    return {"H": raw, "message_id": bytes([0xE1]) * 32, "suite": suite}


def wraps(head, count, combine):
    shares = [DEK] * count
    if combine == 2:
        mask = bytes([0x5A]) * 32
        shares = [mask, bytes(a ^ b for a, b in zip(DEK, mask, strict=True))] if count == 2 else [DEK]
    encoded = bytes([count])
    for index, share in enumerate(shares):
        wrap = {"kek_id": KEK_IDS[index], "kek_version": 1, "share_index": index if combine == 2 else 0}
        nonce = bytes([0xF1 + index]) * 12
        blob = nonce + AESGCM(local_key(KEKS[index], wrap_aad(head, wrap))).encrypt(nonce, share, None)
        encoded += (
            b"\x05local" + wrap["kek_id"] + b"\0\0\0\x01\x0chkdf-a256gcm" + bytes([wrap["share_index"]]) + lp(blob)
        )
    return encoded


def sealed(head, encoded_wraps, plaintext):
    commitment = expand(DEK, head, b"sealring/v1/commit")
    nonce = bytes([0x91]) * 12
    ciphertext = AESGCM(expand(DEK, head, b"sealring/v1/enc")).encrypt(nonce, plaintext, head["H"] + commitment)
    return head["H"] + encoded_wraps + commitment + nonce + len(ciphertext).to_bytes(4, "big") + ciphertext


def data_key(head, encoded_wraps, context=CONTEXT):
    return authentic(head["H"] + encoded_wraps + expand(DEK, head, b"sealring/v1/commit") + lp(context))


def authentic(body, number=1, store_key=STORE_KEY):
    return body + number.to_bytes(2, "big") + blob_mac(store_key, number, body)


def item(head, encoded_wraps, index, plaintext, *, key=None, context=CONTEXT, bound=None):
    """The item of that index; `key` and `bound` are the index in the derivation of its key, and in its AAD."""
    return authentic(item_body(head, encoded_wraps, index, plaintext, key=key, context=context, bound=bound))


def item_body(head, encoded_wraps, index, plaintext, *, key=None, context=CONTEXT, bound=None):
    commitment = expand(DEK, head, b"sealring/v1/commit")
    nonce = bytes([0x92]) * 12
    place = (index if bound is None else bound).to_bytes(4, "big")
    cipher = AESGCM(item_key(DEK, head, index if key is None else key))
    ciphertext = cipher.encrypt(nonce, plaintext, head["H"] + commitment + place)
    return (
        head["H"]
        + encoded_wraps
        + commitment
        + lp(context)
        + index.to_bytes(4, "big")
        + nonce
        + len(ciphertext).to_bytes(4, "big")
        + ciphertext
    )


def accepted():
    for name, count, combine, text in (
        ("one KEK", 1, 1, "value"),
        ("two KEKs, either opens", 2, 1, "value"),
        ("two KEKs, both needed", 2, 2, "value"),
        ("an empty value", 1, 1, ""),
        ("text beyond ASCII", 1, 1, "żółć 🔑"),
    ):
        head = header(1, combine)
        yield {
            "name": name,
            "kind": "object",
            "envelope": sealed(head, wraps(head, count, combine), text.encode()).hex(),
            "plaintext": text,
        }
    for name, count, combine in (("one KEK", 1, 1), ("two KEKs, both needed", 2, 2)):
        head = header(3, combine)
        yield {
            "name": name,
            "kind": "data key",
            "envelope": data_key(head, wraps(head, count, combine)).hex(),
            "plaintext": DEK.hex(),
        }

    for name, count, combine, index, plaintext in (
        ("one KEK", 1, 1, 0, b"value"),
        ("two KEKs, both needed", 2, 2, 1, b"value"),
        ("the last index of a batch", 1, 1, 999, b"\0\xff"),
        ("the last index of all, and nothing in it", 1, 1, 2**32 - 1, b""),
    ):
        head = header(4, combine)
        yield {
            "name": name,
            "kind": "item",
            "envelope": item(head, wraps(head, count, combine), index, plaintext).hex(),
            "index": index,
            "plaintext": plaintext.hex(),
        }


def refused():
    yield from refused_before_batches()
    yield from refused_items()


def refused_items():
    head = header(4, 1)
    own = wraps(head, 1, 1)
    good = item(head, own, 1, b"value")
    body = good[:-34]
    index_at = len(head["H"]) + len(own) + 32 + 2 + len(CONTEXT)

    def put(raw, at, new):
        return raw[:at] + new + raw[at + len(new) :]

    yield "another index", "item", authentic(put(body, index_at, b"\0\0\0\2"))
    yield "the key of another index", "item", item(head, own, 1, b"value", key=2)
    yield "another index in the AAD", "item", item(head, own, 1, b"value", bound=2)
    yield "another nonce", "item", authentic(put(body, index_at + 4, b"\0"))
    yield "another ciphertext", "item", authentic(put(body, index_at + 20, bytes([body[index_at + 20] ^ 1])))
    yield "no tag", "item", authentic(body[: index_at + 16] + b"\0\0\0\x0f" + bytes(15))
    yield "another commitment", "item", authentic(put(body, len(head["H"]) + len(own), b"\0"))
    yield "another context", "item", item(head, own, 1, b"value", context=CONTEXT[:-8] + b"org_beta")
    yield "another message id", "item", authentic(put(body, 8, b"\0"))
    yield "trailing bytes", "item", authentic(body + b"\0")
    yield "trailing bytes after the MAC", "item", good + b"\0"
    yield "a truncated ciphertext", "item", authentic(body[:-1])
    yield "another MAC", "item", put(good, len(good) - 1, bytes([good[-1] ^ 1]))
    yield "the MAC of another store", "item", authentic(body, store_key=bytes(32))
    yield "an unknown number of the MAC's key", "item", authentic(body, number=2)
    yield "no MAC", "item", body
    key_head = header(3, 1)
    yield "a data key", "item", data_key(key_head, wraps(key_head, 1, 1))
    object_head = header(1, 1)
    yield "the suite of an object", "item", item(object_head, wraps(object_head, 1, 1), 1, b"value")
    yield "an item", "data key", good
    yield "an item", "object", body


def refused_before_batches():
    head = header(1, 1)
    good = sealed(head, wraps(head, 1, 1), b"value")
    two = header(1, 2)
    both = sealed(two, wraps(two, 2, 2), b"value")
    size = len(head["H"])

    def put(raw, at, new):
        return raw[:at] + new + raw[at + len(new) :]

    yield "another magic", "object", put(good, 0, b"SLRH")
    yield "format 2", "object", put(good, 4, b"\2")
    yield "an unknown suite", "object", put(good, 5, b"\0\4")
    yield "the suite of a data key", "object", put(good, 5, b"\0\3")
    yield "an unknown way to combine", "object", put(good, 7, b"\3")
    yield "either for both", "object", put(both, 7, b"\1")
    yield "another message id", "object", put(good, 8, b"\0")
    yield "another organization", "object", good.replace(ORG, b"org_beta")
    yield "an organization that is none", "object", good.replace(ORG, b"org acme")
    yield "no wrap", "object", head["H"] + b"\0" + good[size + len(wraps(head, 1, 1)) :]
    yield "shares out of order", "object", both.replace(b"\x0chkdf-a256gcm\x01", b"\x0chkdf-a256gcm\x02")
    pair, rest = wraps(two, 2, 2), both[size + len(wraps(two, 2, 2)) :]
    yield "one share missing", "object", two["H"] + b"\x01" + pair[1 : 1 + len(pair) // 2] + rest
    yield "another KEK version", "object", good.replace(b"\0\0\0\x01\x0chkdf-a256gcm", b"\0\0\0\x02\x0chkdf-a256gcm")
    yield "another commitment", "object", put(good, len(good) - 4 - 21 - 12 - 32, b"\0")
    yield "another nonce", "object", put(good, len(good) - 4 - 21 - 12, b"\0")
    yield "another ciphertext", "object", put(good, len(good) - 21, b"\0")
    yield "another tag", "object", put(good, len(good) - 1, bytes([good[-1] ^ 1]))
    yield "trailing bytes", "object", good + b"\0"
    yield "a truncated tag", "object", good[:-1]
    yield "nothing", "object", b""
    head = header(3, 1)
    blob = data_key(head, wraps(head, 1, 1))
    body = blob[:-34]
    yield "another context", "data key", authentic(body[:-8] + b"org_beta")
    yield "another commitment", "data key", authentic(put(body, len(body) - 2 - len(CONTEXT) - 1, b"\0"))
    yield "trailing bytes", "data key", authentic(body + b"\0")
    yield "an object", "data key", authentic(good)
    yield "trailing bytes after the MAC", "data key", blob + b"\0"
    yield "another MAC", "data key", put(blob, len(blob) - 1, bytes([blob[-1] ^ 1]))
    yield "the MAC of another store", "data key", authentic(body, store_key=bytes(32))
    yield "an unknown number of the MAC's key", "data key", authentic(body, number=2)
    yield "no MAC", "data key", body
    old = header(2, 1)
    yield "suite 2, which has no MAC", "data key", data_key(old, wraps(old, 1, 1))[:-34]
    yield "suite 2 with a MAC", "data key", data_key(old, wraps(old, 1, 1))


def main():
    vectors = {
        "format": 1,
        "store_key": STORE_KEY.hex(),
        "keks": {kek_id.hex(): kek.hex() for kek_id, kek in zip(KEK_IDS, KEKS, strict=True)},
        "accept": list(accepted()),
        "refuse": [{"name": name, "kind": kind, "envelope": raw.hex()} for name, kind, raw in refused()],
    }
    sys.stdout.write(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
