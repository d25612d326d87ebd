"""`sealring keyrings`, and the settings, with keyrings in a bucket."""

import json
import subprocess
import sys

import pytest

from archive.kit import MASTER, NEXT, opened, tables, used
from revocations.commands import run
from sealring.domain.keyrings import Keyring
from support.plain_s3 import PlainS3
from support.plain_s3 import serving as plain_serving
from support.s3 import call, objects, plain_place, put
from vectors.keyring_reader import unwrapped

RING = "org_acme/payments"


def ok(path, *arguments):
    ended = run(path, "keyrings", *arguments)
    assert ended.exit_code == 0, ended.output
    return ended


def test_the_commands_work_on_a_bucket(installed, storage):
    place = storage.made()
    path = installed(place)
    first = used(path).key_id

    assert json.loads(ok(path, "list").stdout) == {"keyring": RING, "keys": 1}
    (shown,) = json.loads(ok(path, "show", RING).stdout)
    assert (shown["id"], shown["newest"], shown["encryptions"], shown["keks"]) == (first, True, 1, [MASTER[0]])
    made = json.loads(ok(path, "rotate", RING).stdout)
    assert [(each["id"], each["newest"]) for each in json.loads(ok(path, "show", RING).stdout)] == [
        (first, False),
        (made["id"], True),
    ]
    assert used(path).key_id == made["id"]
    assert ok(path, "roll").stdout.startswith("wrapped anew: 0, under their KEKs already: 3, failed: 0\n")
    assert ok(path, "destroy", RING, "--yes").stderr.endswith("destroyed 2 keys\n")
    assert ok(path, "list").stdout == ""
    assert objects(place) == {}
    assert run(path, "keyrings", "destroy", RING, "--yes").exit_code == 1


def test_a_roll_moves_every_object_to_the_new_master_key_and_the_newest_stays_the_newest(
    installed, storage, monkeypatch
):
    monkeypatch.setattr("sealring.archive.bucket.MAX_KEYS", 3)  # several pages
    place = storage.made()
    path = installed(place)
    sealed = {f"org_{number}": used(path, ring=f"org_{number}").encrypted for number in range(5)}
    ok(path, "rotate", "org_0")
    tables(path.parent, place, NEXT, MASTER)

    said = ok(path, "roll").stdout.splitlines()

    assert said == [
        "wrapped anew: 6, under their KEKs already: 5, failed: 0",
        f"KEK {NEXT[0]}: guards 11 keys",
        (
            f"KEK {MASTER[0]}: guards no key any more; safe to drop if every server has the settings of this command, "
            "and no backup that you may restore is older than this roll"
        ),
    ]
    stored = objects(place)
    assert len(stored) == 11
    for key, record in stored.items():
        key_id, _ = unwrapped(record, dict([NEXT]))  # the old key opens none
        assert key.endswith(("LATEST", key_id))
    tables(path.parent, place, NEXT)
    with opened(path) as (keyrings, caller):
        for ring, encrypted in sealed.items():
            assert keyrings.decrypt(Keyring(ring), encrypted, caller) == b"value"


def test_a_roll_that_meets_a_keyring_without_its_newest_key_promises_nothing(installed, storage):
    place = storage.made()
    path = installed(place)
    used(path)
    key_id = used(path, ring="org_lost").key_id
    call(place, "delete_object", Key=f"keyring/org_lost/{key_id}")
    tables(path.parent, place, NEXT, MASTER)

    ended = run(path, "keyrings", "roll")

    assert ended.exit_code == 1
    assert "safe to drop" not in ended.stdout
    assert "org_lost" in ended.stderr


def test_an_object_that_is_no_key_of_a_keyring_is_named(installed, storage):
    place = storage.made()
    path = installed(place)
    used(path)
    put(place, "keyring/stray-file", b"x")

    ended = run(path, "keyrings", "roll")

    assert ended.exit_code == 1
    assert "'keyring/stray-file'" in ended.stderr


def test_the_check_of_the_settings_names_the_bucket(installed, storage):
    place = storage.made()

    said = run(installed(place), "check-config").output

    assert f"keyrings  ok: bucket {place.bucket}" in said


def test_a_storage_that_ignores_conditions_is_refused(installed):
    with plain_serving(PlainS3(ignores_conditions=True)) as url:
        path = installed(plain_place(url))

        for command in (("check-config",), ("keyrings", "list")):
            ended = run(path, *command)
            assert ended.exit_code == 1
            assert "this storage ignores If-None-Match or If-Match; use another storage" in ended.output


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ('envelope = "bound"', "[keyrings] envelope 'bound' is not for a bucket"),
        ('ca_file = "none.pem"', "[keyrings] ca_file"),
    ],
)
def test_what_does_not_go_with_a_bucket_is_refused(installed, plain_bucket, lines, wrong):
    ended = run(installed(plain_bucket, more=lines), "keyrings", "list")

    assert ended.exit_code == 1
    assert wrong in ended.stderr


def test_a_bucket_is_for_one_environment(installed, plain_bucket):
    path = installed(plain_bucket)
    text = path.read_text()
    start = text.index("[[issuers]]")
    end = text.index("\n[", start + 1) if "\n[" in text[start + 1 :] else len(text)
    another = text[start:end].replace("urn:sealring:local", "urn:sealring:another")
    environment = another.split('environment_id = "')[1].split('"')[0]
    path.write_text(text + "\n" + another.replace(environment, "environment_01J8Z3K5N7Q9S1T3V5X7Z9B1D4"))

    ended = run(path, "keyrings", "list")

    assert ended.exit_code == 1
    assert "[keyrings] store: a bucket is for one environment" in ended.stderr


def test_a_verification_reads_the_bucket_and_opens_each_key_if_it_shall(installed, storage):
    place = storage.made()
    path = installed(place)
    for ring in ("org_good", "org_bad", "org_other", "org_lost"):
        used(path, ring=ring)
    stored = objects(place)
    keys = {
        ring: next(key for key in stored if key.startswith(f"keyring/{ring}/dek_"))
        for ring in ("org_bad", "org_other", "org_lost")
    }
    bad = bytearray(stored[keys["org_bad"]])
    bad[-60] ^= 1  # of the ciphertext
    put(place, keys["org_bad"], bytes(bad))
    put(place, keys["org_other"], stored[keys["org_bad"]])
    call(place, "delete_object", Key=keys["org_lost"])

    shallow, deep = run(path, "verify"), run(path, "verify", "--unwrap")

    other, lost = f"{keys['org_other']}: it does not open (the DEK of another id)", "keyring/org_lost/LATEST: a keyring"
    assert (shallow.exit_code, deep.exit_code) == (1, 1)
    assert other in shallow.output
    assert lost in shallow.output
    assert keys["org_bad"] not in shallow.output
    assert f"{keys['org_bad']}: it does not open (wrapped key)" in deep.output
    assert "org_good" not in deep.output


def test_a_server_without_a_bucket_does_not_import_botocore():
    program = "import sys, sealring.server.application, sealring.cli.keyrings; sys.exit('botocore' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_a_storage_that_cannot_be_reached_is_named_with_the_reason(installed):
    path = installed(plain_place("http://127.0.0.1:1"))

    ended = run(path, "check-config")

    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1] == (
        "Error: The storage of keyrings is not available. Try again later. (127.0.0.1 cannot be reached (ConnectionRefusedError))"
    )
