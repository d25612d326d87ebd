"""A settings file is there, in UTF-8 and closed to others, or is refused in one line."""

import pytest

from sealring import settings
from sealring.errors import SettingsInvalid
from sealring.operator import installation
from support.settings_text import GOOD


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(SettingsInvalid, match="sealring init"):
        settings.load(tmp_path / "none.toml")


def test_a_file_that_is_no_utf_8_is_refused(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xff")

    with pytest.raises(SettingsInvalid, match="is not valid TOML$"):
        settings.load(tmp_path / "x.toml")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_named(tmp_path, encoding):
    path = tmp_path / "sealring.toml"
    path.write_text(GOOD, encoding=encoding)

    with pytest.raises(SettingsInvalid) as refused:
        settings.load(path)

    assert str(refused.value) == f"{path} begins with a byte order mark; save it as UTF-8 without BOM"


def test_settings_that_anybody_may_write_are_refused(tmp_path):
    list(installation.create_files(tmp_path, "redis://127.0.0.1:1/0", "local"))
    path = tmp_path / "sealring.toml"
    path.chmod(0o646)

    with pytest.raises(
        SettingsInvalid, match=rf"^{path} can be written by every user, who could name a store; run: chmod o-w {path}$"
    ):
        settings.load(path)


def test_an_installation_that_never_had_a_store_may_get_another_one(tmp_path):
    list(installation.create_files(tmp_path, "redis://127.0.0.1:1/0", "local"))

    list(installation.create_files(tmp_path, "redis://127.0.0.1:2/0", "local"))

    assert settings.load(tmp_path / "sealring.toml").store_url == "redis://127.0.0.1:2/0"


def test_an_installation_that_has_a_store_keeps_it(tmp_path):
    list(installation.create_files(tmp_path, "redis://127.0.0.1:1/0", "local"))
    (tmp_path / "store-pin").touch()

    with pytest.raises(SettingsInvalid, match="belongs to another store than --store"):
        list(installation.create_files(tmp_path, "redis://127.0.0.1:2/0", "local"))
    assert settings.load(tmp_path / "sealring.toml").store_url == "redis://127.0.0.1:1/0"
