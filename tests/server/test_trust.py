"""How settings come to trust a store for the first time."""

from contextlib import closing
from dataclasses import replace

import pytest

from sealring import settings
from sealring.domain.layout import Layout
from sealring.domain.pin import Pin
from sealring.domain.wire import MalformedBytes
from sealring.errors import KeyFailure, SettingsInvalid, StoreUnavailable
from sealring.keys.store_key import open_store_keys
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from sealring.store.connection.links import Links
from sealring.store.layout import read_layout, write_layout
from sealring.store.schema.keyspace import LAYOUT
from server.trust_kit import another_layout, files, opens
from support.tampering import every_bit_of


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
