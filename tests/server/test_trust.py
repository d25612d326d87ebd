"""How settings come to trust a store for the first time, and the files that remember it."""

import hmac
from contextlib import closing, nullcontext
from dataclasses import replace

import pytest

from sealring import settings
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.layout import Layout
from sealring.domain.pin import Pin
from sealring.domain.wire import MalformedBytes
from sealring.errors import KeyFailure, SettingsInvalid, StoreUnavailable
from sealring.keys.store_key import make_layout, open_store_keys
from sealring.operator import installation, whole_store
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from sealring.server.trust_files import TrustFiles, read_layout_file
from sealring.store.connection.links import Links
from sealring.store.layout import read_layout, write_layout
from sealring.store.schema.keyspace import LAYOUT
from support.tampering import every_bit_of

ID = "0adbddc9-744b-4e72-91ae-174a76a013bf"
KEY = "0123456789abcdef" * 4
PIN = f"sealring store pin 1\nstore {ID}\nkey {KEY}\n"


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


def files(config):
    return TrustFiles(config.pin_file)


def opens(config):
    with wiring.opened_stores(config) as (_, stores):
        return stores.keys


def another_layout(config):
    with closing(wiring.make_gateway(config)) as gateway:
        return make_layout(gateway, "local", 4)


def unseen(_step, _length):
    return nullcontext(lambda _: None)


# --- the pin


def test_a_pin_is_read_as_it_is_written():
    pin = Pin.parse(PIN)

    assert pin == Pin(bytes.fromhex(ID.replace("-", "")), bytes.fromhex(KEY))
    assert pin.encode() == PIN


@pytest.mark.parametrize(
    "text",
    [
        "",
        PIN[:-1],
        f"{PIN}\n",
        PIN.replace("\n", "\r\n"),
        PIN.replace("pin 1", "pin 2"),
        PIN.replace(ID, ID.upper()),
        PIN.replace(ID, ID.replace("-", "")),
        PIN.replace(ID, ID[:-1]),
        PIN.replace(ID, "-" * 36),
        PIN.replace(KEY, KEY.upper()),
        PIN.replace(KEY, KEY[:-2]),
        PIN.replace(KEY, f"{KEY}00"),
        PIN.replace("store 0", "store  0"),
        f"key {KEY}\nstore {ID}\n",
    ],
)
def test_what_is_no_pin_is_refused(tmp_path, text):
    (tmp_path / "store-pin").write_text(text, newline="")

    with pytest.raises(SettingsInvalid, match="is damaged: restore it from the backup of the settings"):
        TrustFiles(tmp_path / "store-pin").pin()


def test_a_byte_order_mark_before_a_pin_is_named(tmp_path):
    (tmp_path / "store-pin").write_text(PIN, encoding="utf-8-sig")

    with pytest.raises(SettingsInvalid, match="begins with a byte order mark; save it as UTF-8 without BOM"):
        TrustFiles(tmp_path / "store-pin").pin()


def test_a_pin_is_derived_from_the_store_key_and_from_nothing_else():
    secret = bytes(range(32))

    assert StoreKeys(secret).pin == hmac.digest(secret, b"sealring/v1/store/pin\x01", "sha256")


def test_a_pin_tells_each_key_and_store_from_others():
    pin = Pin.parse(PIN)

    assert pin.is_of_key(pin.key)
    assert not pin.is_of_key(bytes(32))
    assert pin.is_of_store(pin.store_id)
    assert not pin.is_of_store(bytes(16))


# --- the first time


def test_a_new_store_is_made_ready_pinned_and_its_layout_kept(config, links):
    assert wiring.initialise_store(config, 4) == "made the store ready, with 4 partitions"

    stored = read_layout(links)
    assert files(config).pin() == Pin(stored.store_id, opens(config).pin)
    assert files(config).layout() == stored
    assert (stored.kek.root_domain, stored.kek.root_epoch) == ("keep", 1)


def test_what_is_written_can_be_read_by_all_and_written_by_its_owner(ready):
    modes = {path.name: path.stat().st_mode & 0o777 for path in ready.pin_file.parent.iterdir()}

    assert (modes["store-pin"], modes["store-layout"]) == (0o644, 0o644)


def test_a_store_that_is_ready_is_checked_against_its_pin(ready):
    before = ready.pin_file.read_bytes()

    assert wiring.initialise_store(ready, 4) == "the store was ready already"
    assert ready.pin_file.read_bytes() == before


def test_a_layout_file_that_was_lost_is_kept_again(ready, links):
    files(ready).layout_file.unlink()

    wiring.initialise_store(ready, 4)

    assert files(ready).layout() == read_layout(links)


@pytest.mark.parametrize("trusting", [False, True])
def test_a_store_that_is_not_the_pinned_one_is_refused_whatever_is_said(ready, links, trusting):
    links.call((b"SET", LAYOUT, another_layout(ready).encode()))

    with pytest.raises(SettingsInvalid, match="^this is store "):
        wiring.initialise_store(ready, 4, trusting=trusting)


def test_the_operators_word_pins_a_store(ready, links):
    ready.pin_file.unlink()
    files(ready).layout_file.unlink()
    with pytest.raises(SettingsInvalid, match="the store is not trusted"):
        wiring.initialise_store(ready, 4)

    wiring.initialise_store(ready, 4, trusting=True)

    assert files(ready).layout() == read_layout(links)
    opens(ready)


def test_a_set_up_that_was_cut_short_before_the_store_was_written_goes_on(config, links):
    kept = another_layout(config)
    files(config).keep_layout(kept)

    wiring.initialise_store(config, 64)

    assert read_layout(links) == kept
    opens(config)


def test_a_set_up_that_was_cut_short_before_the_pin_was_written_goes_on(ready):
    ready.pin_file.unlink()

    assert wiring.initialise_store(ready, 4) == "the store was ready already"
    opens(ready)


def test_a_folder_that_cannot_be_written_leaves_the_store_empty(config, links, tmp_path):
    elsewhere = replace(config, pin_file=tmp_path / "nowhere" / "store-pin")

    with pytest.raises(SettingsInvalid, match="store-layout cannot be written .No such file"):
        wiring.initialise_store(elsewhere, 4)

    assert read_layout(links) is None


def test_the_pin_may_lie_elsewhere(url, links, tmp_path):
    (tmp_path / "shared").mkdir()
    list(installation.create_files(tmp_path / "etc", url, "local", tmp_path / "shared" / "pin"))
    config = settings.load(tmp_path / "etc" / installation.SETTINGS_FILE)

    wiring.initialise_store(config, 4)

    assert sorted(path.name for path in (tmp_path / "shared").iterdir()) == ["pin", "store-layout"]
    opens(config)


def test_another_pin_file_than_that_of_the_settings_is_refused(ready, url, tmp_path):
    with pytest.raises(SettingsInvalid, match=r"\[store\] pin_file in .* is .*, which is not --pin-file"):
        list(installation.create_files(tmp_path / "etc", url, "local", tmp_path / "pin"))


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


# --- layouts of other versions


def test_a_store_of_an_older_version_is_refused_in_one_line(ready, links):
    (raw,) = links.call((b"GET", LAYOUT))
    links.call((b"SET", LAYOUT, b"\1" + raw[1:]))

    with pytest.raises(
        SettingsInvalid, match="^the store was made by an older version of sealring, .*init`$"
    ) as refused:
        opens(ready)

    assert "\n" not in str(refused.value)


def test_each_bit_of_a_layout_counts(ready, links):
    raw, pin = read_layout(links).encode(), files(ready).pin()

    def is_refused(changed):
        try:
            open_store_keys(gateway, Layout.decode(changed), pin)
        except (MalformedBytes, UnicodeDecodeError, SettingsInvalid, KeyFailure):
            return True
        return False

    with closing(wiring.make_gateway(ready)) as gateway:
        assert not is_refused(raw)
        assert [position for position, each in enumerate(every_bit_of(raw)) if not is_refused(each)] == []


def test_two_who_make_a_store_ready_at_once_agree_on_one(config, links, monkeypatch):
    """Between the look and the write, somebody else was quicker."""
    theirs = another_layout(config)
    monkeypatch.setattr("sealring.server.root_of_trust.read_layout", lambda _: None)
    monkeypatch.setattr("sealring.server.root_of_trust.check_untouched", lambda _: None)
    assert write_layout(links, theirs)

    with pytest.raises(SettingsInvalid, match="another process made the store ready at the same time"):
        wiring.initialise_store(config, 4)

    assert not config.pin_file.exists()
    assert read_layout(links) == theirs
    assert isinstance(files(config).layout(), Layout)


def test_a_missing_pin_is_told_before_the_store_is_asked(ready):
    away = replace(ready, store_url="redis://127.0.0.1:1")
    with pytest.raises(StoreUnavailable):
        opens(away)
    ready.pin_file.unlink()

    with pytest.raises(SettingsInvalid, match="pin_file"):
        opens(away)
