"""Makes root-seal-v1.json once: `python tests/vectors/make_root_seal_vectors.py`. A frozen file is never made again."""

import json
from dataclasses import replace
from pathlib import Path

from sealring.crypto.root_seal import RecoveryKey
from sealring.domain.root_seal import RECOVERY, Root, RootEpoch, RootSeal
from sealring.keys.sealed_root import seal
from sealring_local.roots import Roots
from sealring_plugin import DATA, KEEP, RootName

FILE = Path(__file__).with_name("root-seal-v1.json")
KEY = RecoveryKey(bytes(range(32)))


def root_of(*names):
    content = Roots({name: bytes([number]) * 32 for number, name in enumerate(names, 1)}).encode().encode()
    epochs = tuple(sorted(RootEpoch(name.domain, name.epoch) for name in names))
    return Root("local", content, epochs)


def accepted(root, generation):
    made = seal(root, KEY, RECOVERY, generation)
    return {
        "seal": made.encode(),
        "provider": root.provider,
        "root_id": root.id.hex(),
        "generation": generation,
        "epochs": [[each.domain, each.epoch] for each in root.epochs],
        "content": root.content.decode(),
    }


def refused(text):
    made = RootSeal.parse(text)
    swapped = replace(made.head, epochs=made.head.epochs[::-1])
    return {
        "nothing": "",
        "another heading": text.replace("seal 1", "seal 2"),
        "no last line feed": text[:-1],
        "two line feeds": text + "\n",
        "a carriage return": text.replace("\n", "\r\n"),
        "a truncated line": text[:-5] + "\n",
        "roots in another order": replace(made, head=swapped).encode(),
        "no roots": replace(made, head=replace(made.head, epochs=())).encode(),
        "another root id": replace(made, head=replace(made.head, root_id=bytes(16))).encode(),
        "another generation": replace(made, head=replace(made.head, generation=9)).encode(),
        "another provider": replace(made, head=replace(made.head, provider="hsm")).encode(),
        "no sealed key": replace(made, sealed_key=b"").encode(),
        "an altered nonce": replace(made, nonce=bytes(12)).encode(),
        "an altered tag": replace(made, ciphertext=made.ciphertext[:-1] + bytes([made.ciphertext[-1] ^ 1])).encode(),
        "no ciphertext": replace(made, ciphertext=made.ciphertext[-16:]).encode(),
    }


if __name__ == "__main__":
    first = accepted(root_of(RootName(DATA, 1), RootName(KEEP, 1)), 1)
    later = accepted(root_of(RootName(DATA, 2), RootName(DATA, 3), RootName(KEEP, 1)), 7)
    vectors = {"recovery_key": KEY.secret.hex(), "accept": [first, later], "refuse": refused(later["seal"])}
    FILE.write_text(json.dumps(vectors, indent=1) + "\n", encoding="utf-8")
