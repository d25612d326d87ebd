"""Makes keyrings-v1.json, by the second writer alone. It is committed, and made again only for a new format."""

import base64
import json
from pathlib import Path

from vectors import keyring_reader as second

ENVIRONMENT, NAME = "environment_01J00000000000000000000000", "org_acme/payments"
STORE_KEY = bytes(range(32))
TIME = 1_700_000_000_000
MASTERS = {"kek_AbCdEfGhI": bytes(range(32)), "kek_2AbCdEfGhIjKlMnOpQrStUvWxYz": bytes(range(32, 64))}
DEKS = {"dek_AbCdEfGhI": bytes(range(64, 96)), "dek_2AbCdEfGhIjKlMnOpQrStUvWxYz": bytes(range(96, 128))}


def vectors():
    pairs = list(zip(DEKS.items(), MASTERS.items(), strict=True))
    deks = [
        {
            "id": key_id,
            "dek": dek.hex(),
            "master_key_id": master[0],
            "master_key": base64.b64encode(second.message((1, master[0]), (2, TIME), (3, master[1]))).decode(),
            "record": second.wrapped(key_id, dek, TIME, master, bytes(12), TIME + 1).hex(),
        }
        for (key_id, dek), master in pairs
    ]
    envelopes = []
    for (key_id, dek), _ in pairs:
        for value in ("", "a value", "żółć 🔑"):
            raw = second.sealed(value.encode(), dek, key_id, bytes(12), TIME)
            envelopes.append({"value": value, "key_id": key_id, "algorithm": "compatible", "bytes": raw.hex()})
            aad = second.bound_aad(ENVIRONMENT, NAME, key_id, TIME)
            ciphertext = second.AESGCM(dek).encrypt(bytes(12), value.encode(), aad)
            raw = second.message((1, 100), (2, bytes(12)), (3, ciphertext), (4, key_id), (5, TIME))
            envelopes.append({"value": value, "key_id": key_id, "algorithm": "bound", "bytes": raw.hex()})
    newest = deks[0]
    return {
        "environment": ENVIRONMENT,
        "keyring": NAME,
        "store_key": STORE_KEY.hex(),
        "digest": second.digest(STORE_KEY, ENVIRONMENT, NAME).hex(),
        "head": second.head(STORE_KEY, ENVIRONMENT, NAME, newest["id"], 2).hex(),
        "stored_dek": second.stored_dek(
            STORE_KEY, ENVIRONMENT, NAME, newest["id"], bytes.fromhex(newest["record"])
        ).hex(),
        "deks": deks,
        "envelopes": envelopes,
        "refused_master_keys": [
            base64.b64encode(second.message((1, "kek_short"), (3, bytes(16)))).decode(),
            base64.b64encode(second.message((1, "kek_long"), (3, bytes(33)))).decode(),
            base64.b64encode(second.message((3, bytes(32)))).decode(),
        ],
    }


if __name__ == "__main__":
    path = Path(__file__).with_name("keyrings-v1.json")
    path.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n")
