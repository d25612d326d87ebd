"""`sealring init --files-only` and `sealring init-store`: the two halves of `sealring init`, on two machines."""

import pytest

from sealring.operator.embedded import EmbeddedValkey


@pytest.fixture
def files(run_sealring, tmp_path):
    """The files of an installation whose store nobody has reached yet, and that store."""
    with EmbeddedValkey(tmp_path / "data") as store:
        folder = tmp_path / "etc"
        run_sealring("init", "--files-only", "--keys", "local", "--data-dir", folder, "--store", store.url)
        yield folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_are_made_although_the_store_cannot_be_reached(run_sealring, tmp_path):
    url = "unix:///nowhere/valkey.sock"

    run_sealring("init", "--files-only", "--keys", "local", "--data-dir", tmp_path / "etc", "--store", url)

    made = ["root.key", "sealring.toml", "store-url", "token-jwks.json", "token-key.pem"]
    assert names(tmp_path / "etc") == made


def test_the_store_is_made_ready_and_pinned_with_files_that_exist(run_sealring, files):
    said = run_sealring("init-store", "--config", files / "sealring.toml", "--partitions", 8).stdout

    assert said == "made the store ready, with 8 partitions\n"
    assert run_sealring("check-config", "--config", files / "sealring.toml").stdout.endswith("durable   ok: single\n")


def test_a_ready_store_is_checked_and_nothing_is_written(run_sealring, files):
    run_sealring("init-store", "--config", files / "sealring.toml")
    before = {path.name: path.read_bytes() for path in files.iterdir()}

    said = run_sealring("init-store", "--config", files / "sealring.toml").stdout

    assert said == "the store was ready already\n"
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before


def test_a_ready_store_is_not_pinned_unless_the_operator_says_so(run_sealring, files):
    run_sealring("init-store", "--config", files / "sealring.toml")
    (files / "store-pin").unlink()
    (files / "store-layout").unlink()

    refused = run_sealring("init-store", "--config", files / "sealring.toml", check=False)

    assert refused.returncode == 1
    assert "the store is not trusted" in refused.stderr
    assert "store-pin" not in names(files)
    assert run_sealring("init-store", "--config", files / "sealring.toml", "--trust-store").returncode == 0
    assert "store-pin" in names(files)


def test_settings_that_are_missing_are_named(run_sealring, tmp_path):
    refused = run_sealring("init-store", "--config", tmp_path / "sealring.toml", check=False)

    assert refused.returncode == 1
    assert f"{tmp_path}/sealring.toml cannot be read" in refused.stderr
    assert names(tmp_path) == []
