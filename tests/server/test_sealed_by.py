"""A server whose root keys are sealed by AWS KMS, as an emulator plays it, and by a token of SoftHSM."""

import os
import signal
from pathlib import Path

import pytest
from aws_emulators import emulators
from aws_emulators.fault_proxy import FaultProxy

from sealring import settings
from sealring.cli.root import seals_of
from sealring.crypto.root_seal import RecoveryKey
from sealring.errors import SettingsInvalid
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from sealring.server.root_seals import StaysSealed
from sealring_hsm import softhsm
from sealring_hsm.config import HsmConfig
from support.live import running
from support.waiting import becomes_true

BY_AWS = """
[seal.1]
provider = "awskms"
key = "{key}"
endpoint = "{proxy.url}"
allowed_hosts = "{proxy.place}"
access_key_id = "{access_key_id}"
secret_access_key_file = "seal-secret"
"""
BY_TOKEN = """
[seal.token]
provider = "hsm"
module = "{module}"
pin_file = "{folder}/pin"
conf_file = "{folder}/softhsm2.conf"
"""


@pytest.fixture
def store(tmp_path):
    with EmbeddedValkey(tmp_path) as store:
        yield store


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with emulators.running("localstack", tmp_path_factory.mktemp("localstack") / "log") as port:
        yield emulators.localstack(port)


def installed(folder: Path, url: str, seals: str) -> Path:
    """The path of the settings of a new installation."""
    file = folder.with_name("seals.toml")
    file.write_text(seals)
    list(installation.create_files(folder, url, None, None, file))
    path = folder / installation.SETTINGS_FILE
    wiring.initialise_store(settings.load(path), 4)
    return path


def token_in(folder: Path) -> HsmConfig:
    """A new token of SoftHSM, all of it in `folder`."""
    module = softhsm.find_module()
    if module is None:
        pytest.skip("SoftHSM2 is not installed")
    config = HsmConfig(module=module, pin_file=folder / "pin", conf_file=folder / "softhsm2.conf")
    softhsm.initialise(config)
    return config


@pytest.fixture
def by_token(tmp_path, store):
    """The settings of an installation whose root keys are sealed by a token, and the folder of the token."""
    folder = tmp_path / "hsm"
    seals = BY_TOKEN.format(module=token_in(folder).module, folder=folder)
    return installed(tmp_path / "etc", store.url, seals), folder


def ends_all_workers(live):
    """End them as a crash does, and wait until others serve."""
    before = live.workers
    for each in before:
        os.kill(each, signal.SIGKILL)
    return becomes_true(lambda: len(live.workers) == len(before) and set(live.workers).isdisjoint(before))


def writes(live):
    body = {"name": os.urandom(8).hex(), "value": "v", "key_context": {"organization_id": "org_acme"}}
    return live.ask("POST", "/vault/v1/kv", token=live.token("org_acme"), body=body).status == 201


def test_a_server_is_opened_by_aws_once_and_lives_without_it(tmp_path, store, aws):
    proxy, folder = FaultProxy(aws.port), tmp_path / "etc"
    folder.mkdir()
    (folder / "seal-secret").touch(0o600)
    (folder / "seal-secret").write_text("secret-of-ours\n")
    seals = BY_AWS.format(key=aws.make_key(), proxy=proxy, access_key_id=emulators.OURS)
    path = installed(folder, store.url, seals)
    proxy.seen.clear()

    with running(path, tmp_path / "log", None, workers=2) as live:
        assert len(proxy.of("Decrypt")) == 1  # for two workers
        proxy.close()

        assert ends_all_workers(live)
        assert becomes_true(lambda: writes(live))
        live.process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: "the settings were reloaded" in live.log.read_text())
        assert writes(live)
    with pytest.raises(
        SettingsInvalid, match=r"^the root keys stay sealed: seal 1 \(awskms\): The key's provider does "
    ):
        wiring.make_gateway(settings.load(path))


def test_a_pin_that_the_token_refused_is_not_sent_again_by_the_next_process(by_token):
    path, token = by_token
    right = (token / "pin").read_text()
    (token / "pin").write_text("nonsense")
    (token / "pin").chmod(0o600)

    def why():
        found = seals_of(settings.load(path)).attempt()
        assert isinstance(found, StaysSealed)
        return found.why

    assert "the token refuses the PIN of pin_file" in why()
    assert "the token has refused this PIN before, and locks itself after some more" in why()
    (mark,) = settings.load(path).run_folder.glob("refused-pin-*")
    assert (mark.name, mark.stat().st_mode & 0o777) == ("refused-pin-token", 0o600)
    mark.unlink()
    assert "the token refuses the PIN of pin_file" in why()

    (token / "pin").write_text(right)
    assert seals_of(settings.load(path)).open()


def test_a_server_is_opened_by_a_token_once_and_lives_without_it(tmp_path, by_token):
    path, token = by_token

    with running(path, tmp_path / "log", None, workers=2) as live:
        (token / "tokens").rename(tmp_path / "unplugged")
        assert ends_all_workers(live)
        assert becomes_true(lambda: writes(live))
        maps = [Path(f"/proc/{pid}/maps").read_text() for pid in (live.process.pid, *live.workers)]
        assert [each for each in maps if "softhsm" in each] == []
    with pytest.raises(
        SettingsInvalid, match=r"^the root keys stay sealed: seal token \(hsm\): .*restore it from its backup"
    ):
        wiring.make_gateway(settings.load(path))


def test_a_seal_gets_another_key_of_the_token_if_the_root_keys_are_opened_otherwise(by_token):
    path, _ = by_token
    key = RecoveryKey.fresh()
    before = seals_of(settings.load(path))
    root = before.open()
    before.make_recovery(root, key)
    path.write_text(path.read_text() + 'key = "another"\n')
    seals = seals_of(settings.load(path))

    with pytest.raises(SettingsInvalid, match="with --recovery-key if none does"):
        seals.open()
    said = list(seals.make(seals.open_with(key)))

    assert said == [
        "key another on the token; back up the token: without it this seal never opens again",
        f"seal {path.parent / 'root-seal-token'} by hsm",
    ]
    assert seals_of(settings.load(path)).open() == root


def test_a_copy_of_the_disk_without_the_token_opens_nothing(tmp_path, by_token):
    path, token = by_token
    other = tmp_path / "other"
    token_in(other)
    path.write_text(path.read_text().replace(str(token), str(other)))

    with pytest.raises(SettingsInvalid, match="the token has no key sealring-seal"):
        wiring.make_gateway(settings.load(path))
