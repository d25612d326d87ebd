"""docs/from-unkey.md: its commands move to sealring, and back, on one bucket."""

import base64
import os
import subprocess

import pytest

from archive.kit import MASTER, NEXT, master_line
from docs.markdown import blocks, read
from revocations.commands import new_installation
from support.commands import SEALRING
from support.live import running
from support.s3 import ACCESS_KEY_ID, SECRET, objects, put
from vectors import keyring_reader as reader

PAGE = read("docs/from-unkey.md")
RING, SHORT = "ws_2kQ8", "dek_aB3dE6gH9"
DEK, NONCE, NOW = bytes(range(32)), bytes(12), 1_700_000_000_000


def code(language):
    """The blocks of the page, each in a step of a list."""
    return blocks(PAGE.replace("\n    ", "\n"), language)


@pytest.fixture
def shell(tmp_path):
    """Runs commands beside the settings, with what the old service has in its variables."""
    old = {
        "UNKEY_ENCRYPTION_MASTER_KEY": master_line(*MASTER),
        "UNKEY_ENCRYPTION_PREVIOUS_MASTER_KEY": "",
        "UNKEY_S3_ACCESS_KEY_SECRET": SECRET,
        "SEALRING_CONFIG": str(tmp_path / "sealring.toml"),
        "PATH": f"{SEALRING.parent}:{os.environ['PATH']}",
    }

    def run(command, **variables):
        environment = {**os.environ, **old, **variables}
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_page_moves_an_installation_to_sealring_and_back(valkey, storage, tmp_path, shell):
    place = storage.made()
    record = reader.wrapped(SHORT, DEK, NOW, MASTER, NONCE, NOW)
    for name in (SHORT, "LATEST"):
        put(place, f"keyring/{RING}/{name}", record)
    theirs = reader.sealed(b"from the old service", DEK, SHORT, NONCE, NOW)
    secrets, check, token, decrypt, roll, back = code("sh")
    (tables,) = code("toml")

    path = new_installation(tmp_path, valkey, 2)
    shell(secrets)
    assert (tmp_path / "master-keys").stat().st_mode & 0o77 == 0
    own = tables.replace(
        "s3://vault?endpoint=https://s3.example.com&region=auto",
        f"s3://{place.bucket}?endpoint={place.endpoint}&region={place.region}",
    )
    assert own != tables
    path.write_text(f"{path.read_text()}\n{own.replace('ACCESS_KEY_ID', ACCESS_KEY_ID)}")
    assert f'{{"keyring":"{RING}","keys":1}}' in shell(check)
    shell(token)
    with running(path, tmp_path / "log", None, 2, 8) as server:
        encrypted = base64.b64encode(theirs).decode()
        assert (
            shell(decrypt, KEYRING=RING, ENCRYPTED=encrypted, SEALRING_URL=server.url)
            == '{"plaintext":"from the old service"}'
        )
        bearer = (tmp_path / "vault-token").read_text().strip()
        ours = server.ask(
            "POST", "/vault.v1.VaultService/Encrypt", token=bearer, body={"keyring": RING, "data": "ours"}
        ).json
        fresh = server.ask(
            "POST", "/vault.v1.VaultService/Encrypt", token=bearer, body={"keyring": "env_new", "data": "new"}
        ).json
    lines = (tmp_path / "master-keys").read_text()
    (tmp_path / "master-keys").write_text(f"{master_line(*NEXT)}\n{lines}")  # a new master key

    said = shell(roll)
    current, previous = shell(
        back + 'printf "%s\\n" "$UNKEY_ENCRYPTION_MASTER_KEY" "$UNKEY_ENCRYPTION_PREVIOUS_MASTER_KEY"'
    ).split()

    assert "failed: 0\n" in said
    assert f"KEK {NEXT[0]}: guards 4 keys" in said
    assert (current, previous) == (master_line(*NEXT), master_line(*MASTER))
    stored = objects(place)
    for ring, value in ((RING, ours), ("env_new", fresh)):  # as the old service does
        dek = reader.unwrapped(stored[f"keyring/{ring}/{value['keyId']}"], dict([NEXT]))[1]
        opened = reader.opened(base64.b64decode(value["encrypted"]), dek, "", "")
        assert opened == (b"ours" if ring == RING else b"new")
        assert reader.unwrapped(stored[f"keyring/{ring}/LATEST"], dict([NEXT]))[0] == value["keyId"]
    assert ours["keyId"] == SHORT
