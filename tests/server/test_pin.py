"""A pin names one store and its key, and is read as it is written."""

import hmac

import pytest

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.pin import Pin
from sealring.errors import SettingsInvalid
from sealring.server.trust_files import TrustFiles

ID = "0adbddc9-744b-4e72-91ae-174a76a013bf"
KEY = "0123456789abcdef" * 4
PIN = f"sealring store pin 1\nstore {ID}\nkey {KEY}\n"


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
