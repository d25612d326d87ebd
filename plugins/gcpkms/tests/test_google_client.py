"""Google's own client talks to the fake as it talks to Google, and opens what the plugin wrapped.

Its pins are of google-cloud-kms, google-crc32c and requests.
"""

import json
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from fake_google import DISABLED

from sealring_gcpkms import blob
from sealring_gcpkms.crc32c import crc32c
from support.installed import CACHE, python_with

KEY = "projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys/secrets"
ACCOUNT = "sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com"
SCRIPT = Path(__file__).parent / "google_client.py"
PINS = SCRIPT.with_name("google-client.txt")
DEK = bytes(range(32))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A process with Google's client, which takes half a second to start, and the file of its errors."""
    python = python_with(PINS, CACHE / "gcpkms" / "google-client")
    log, pipe = tmp_path_factory.mktemp("client") / "log", subprocess.PIPE
    with (
        log.open("wb") as errors,
        subprocess.Popen([python, SCRIPT], stdin=pipe, stdout=pipe, stderr=errors, text=True) as process,
    ):
        yield process, log  # Popen's own end closes the pipes, on which the client ends, and waits


@pytest.fixture
def ask(google, client, tmp_path):
    """Let Google's client make these calls, as the organization's account."""
    process, log = client

    def ask(*calls):
        asked = {
            "host": f"127.0.0.1:{google.port}",
            "ca_file": str(google.authority.file),
            "account": ACCOUNT,
            "key_file": str(google.key_file(tmp_path)),
            "calls": [{"name": KEY, **call} for call in calls],
        }
        process.stdin.write(f"{json.dumps(asked)}\n")
        process.stdin.flush()
        told = process.stdout.readline()
        assert told, log.read_text()
        return json.loads(told)

    return ask


def text(binary):
    return b64encode(binary).decode()


def test_the_client_encrypts_and_decrypts(google, ask):
    (made,) = ask({"verb": "encrypt", "plaintext": text(DEK), "aad": text(b"aad")})
    decrypt = {"verb": "decrypt", "ciphertext": made["ciphertext"]}
    google.kms.keys[KEY].rotate()
    opened, other = ask({**decrypt, "aad": text(b"aad")}, {**decrypt, "aad": text(b"another")})

    assert (made["name"], made["protection"]) == (f"{KEY}/cryptoKeyVersions/1", "SOFTWARE")
    assert (made["intact"], made["verified"]) == (True, True)
    assert opened == {"plaintext": text(DEK), "intact": True, "used_primary": False}
    assert other["error"] == "BadRequest"  # over REST the client goes by the class of HTTP


def test_the_client_opens_what_the_plugin_wrapped(provider, key, context, call, ask):
    wrapped = provider.wrap(key, DEK, context, call)

    (opened,) = ask(
        {
            "verb": "decrypt",
            "ciphertext": text(wrapped.blob[16:]),
            "aad": text(blob.authenticated(key, context)),
        }
    )

    assert opened == {"plaintext": text(DEK), "intact": True, "used_primary": True}


def test_the_plugin_opens_what_the_client_encrypted(provider, key, context, call, ask):
    (made,) = ask(
        {"verb": "encrypt", "plaintext": text(DEK), "aad": text(blob.authenticated(key, context))},
    )
    wrapped = blob.seal(1, DEK, b64decode(made["ciphertext"]))

    assert provider.unwrap(wrapped, key, context, call) == DEK


def test_the_client_reads_the_description_of_a_key(google, ask):
    key = google.kms.keys[KEY]
    key.labels["vault-org"] = "label"
    key.destroy(1)

    (described,) = ask({"verb": "describe"})

    assert described == {
        "name": KEY,
        "purpose": "ENCRYPT_DECRYPT",
        "primary": f"{KEY}/cryptoKeyVersions/1",
        "state": "DESTROY_SCHEDULED",
        "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION",
        "protection": "SOFTWARE",
        "rotation_s": 7776000.0,
        "window_s": 2592000.0,
        "destroyed": "2030-01-31T12:00:00+00:00",
        "labels": {"vault-org": "label"},
    }


def test_the_client_understands_the_refusals(google, ask):
    key = google.kms.keys[KEY]
    encrypt = {"verb": "encrypt", "plaintext": text(DEK), "aad": ""}

    key.versions[1].state = DISABLED
    (disabled,) = ask(encrypt)
    key.policy.clear()
    (denied,) = ask(encrypt)

    assert (disabled["error"], disabled["violations"]) == ("BadRequest", ["KEY_DISABLED"])
    assert (denied["error"], denied["reason"]) == ("Forbidden", "IAM_PERMISSION_DENIED")


def test_the_client_asks_for_permissions(ask):
    asked = ["cloudkms.cryptoKeys.get", "cloudkms.cryptoKeys.setIamPolicy"]

    assert ask({"verb": "granted", "permissions": asked}) == [{"permissions": ["cloudkms.cryptoKeys.get"]}]


@pytest.mark.parametrize("binary", [b"", b"\0", bytes(range(256)) * 33])
def test_googles_checksum_is_ours(ask, binary):
    assert ask({"verb": "crc", "binary": text(binary)}) == [{"crc": crc32c(binary)}]
