"""A layout that was kept makes an empty store open as the lost one, and a backup restores it under its pin."""

from contextlib import closing, nullcontext

import pytest

from sealring import settings
from sealring.errors import SettingsInvalid
from sealring.operator import installation, whole_store
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from sealring.server.trust_files import TrustFiles, read_layout_file
from sealring.store.connection.links import Links
from sealring.store.layout import read_layout
from server.trust_kit import another_layout, files, opens


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey.url


@pytest.fixture
def links(url):
    with closing(Links.to(url)) as links:
        links.call((b"FLUSHALL",))
        yield links


@pytest.fixture
def config(links, url, tmp_path):
    """Settings whose store is empty."""
    list(installation.create_files(tmp_path / "etc", url, "local"))
    return settings.load(tmp_path / "etc" / installation.SETTINGS_FILE)


@pytest.fixture
def ready(config):
    wiring.initialise_store(config, 4)
    return config


def unseen(_step, _length):
    return nullcontext(lambda _: None)


# --- a store that was lost


def test_a_layout_that_was_kept_makes_an_empty_store_open_as_the_lost_one(ready, links):
    before = opens(ready)
    links.call((b"FLUSHALL",))

    said = wiring.initialise_store(ready, 64, layout_file=files(ready).layout_file)

    assert said == "made the store ready, with 4 partitions"
    assert opens(ready).record(b"message") == before.record(b"message")


def test_a_layout_of_another_store_makes_nothing_ready(ready, links, tmp_path):
    other = TrustFiles(tmp_path / "store-pin")
    other.keep_layout(another_layout(ready))
    links.call((b"FLUSHALL",))

    with pytest.raises(SettingsInvalid, match="^this is store "):
        wiring.initialise_store(ready, 4, layout_file=other.layout_file)

    assert read_layout(links) is None


def test_a_layout_makes_no_store_ready_that_is_not_empty(ready):
    with pytest.raises(SettingsInvalid, match="^the store is not empty"):
        wiring.initialise_store(ready, 4, layout_file=files(ready).layout_file)


def test_a_layout_without_a_pin_takes_the_operators_word(ready, links):
    links.call((b"FLUSHALL",))
    ready.pin_file.unlink()
    with pytest.raises(SettingsInvalid, match="the store is not trusted"):
        wiring.initialise_store(ready, 4, layout_file=files(ready).layout_file)

    wiring.initialise_store(ready, 4, layout_file=files(ready).layout_file, trusting=True)

    opens(ready)


ALTERED = {
    "empty": lambda text: "",
    "cut off": lambda text: text[:-1],
    "cut off in its body": lambda text: text[:-3] + "\n",
    "a line more": lambda text: f"{text}\n",
    "another heading": lambda text: text.replace("layout", "pin"),
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "no layout": lambda text: f"{text.splitlines()[0]}\nAQ==\n",
    "no base64": lambda text: f"{text.splitlines()[0]}\n!!!!\n",
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED.keys())
def test_a_layout_file_that_was_altered_is_refused(ready, change):
    path = files(ready).layout_file
    path.write_text(change(path.read_text()), newline="")

    with pytest.raises(SettingsInvalid, match="is damaged, or of another version of sealring"):
        read_layout_file(path)


def test_a_layout_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SettingsInvalid, match="^layout file .* is missing$"):
        read_layout_file(tmp_path / "store-layout")


def test_a_layout_file_that_others_can_write_is_refused(ready):
    files(ready).layout_file.chmod(0o646)

    with pytest.raises(SettingsInvalid, match="is writable by others"):
        files(ready).layout()


# --- backups


def backup_in(folder):
    return whole_store.BackupFiles(folder / "store.data", folder / "store.keys")


@pytest.fixture
def lost(ready, links, tmp_path):
    """Settings whose store is empty, and a backup of it."""
    whole_store.backup(ready, backup_in(tmp_path), unseen)
    links.call((b"FLUSHALL",))
    return ready


def restore(config, tmp_path, **options):
    return whole_store.restore(config, backup_in(tmp_path), unseen, print, **options)


def test_a_restore_checks_the_pin_and_keeps_the_layout(lost, tmp_path):
    kept = files(lost).layout()
    files(lost).layout_file.unlink()

    restore(lost, tmp_path)

    assert files(lost).layout() == kept
    opens(lost)


def test_a_restore_without_a_pin_takes_the_operators_word(lost, links, tmp_path):
    before = files(lost).pin()
    lost.pin_file.unlink()
    with pytest.raises(SettingsInvalid, match="is missing, and without it no store is trusted"):
        restore(lost, tmp_path)
    assert read_layout(links) is None

    restore(lost, tmp_path, trusting=True)

    assert files(lost).pin() == before
    opens(lost)
