"""Makes the vectors of stored records. From the first release on they may never change.

.venv/bin/python tests/vectors/make_stored_vectors.py > tests/vectors/stored-v1.json
"""

import json
import sys
import uuid
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import stored_writer as make
from vectors.stored_accepted import accepted
from vectors.stored_backups import data, keys, refused_backups
from vectors.stored_records import ENVIRONMENT, HOME, ORG, PARTITIONS, ROOTS, STORE_ID, STORE_KEY, VERSION_IDS, WRITER
from vectors.stored_refused import refused


def main():
    pin = WRITER.keys.pin.hex()
    vectors = {
        "store_key": STORE_KEY.hex(),
        "store_id": STORE_ID.hex(),
        "environment": ENVIRONMENT,
        "org": ORG,
        "partitions": PARTITIONS,
        "home": HOME.hex(),
        "accept": [{"name": name, **vector, "holds": holds(vector)} for name, vector in accepted()],
        "refuse": [{"name": name, **vector} for name, vector in refused()],
        "backup": {
            "roots": make.root_file(ROOTS),
            "pin": f"sealring store pin 1\nstore {uuid.UUID(bytes=STORE_ID)}\nkey {pin}\n",
            "data": data().hex(),
            "keys": keys().hex(),
            "sha256": [sha256(each).hexdigest() for each in (data(), keys())],
            "values": {VERSION_IDS[0].hex(): "one", VERSION_IDS[1].hex(): "żółć"},
            "refuse": [
                {"name": name, "data": one.hex(), "keys": other.hex()} for name, one, other in refused_backups()
            ],
        },
    }
    sys.stdout.write(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")


def holds(vector):
    """What a reader has to find, as JSON."""
    from vectors.stored_readings import by_the_other_reader  # noqa: PLC0415  it reads what is made here

    return by_the_other_reader(WRITER.keys, vector)


if __name__ == "__main__":
    main()
