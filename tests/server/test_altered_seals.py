"""A seal that was altered, or is not one, stays shut and leaves the others in use."""

import base64
import os
import time
from dataclasses import replace

import pytest

from sealring.domain.root_seal import Root, RootEpoch, RootSeal
from sealring.errors import SettingsInvalid
from sealring.server import wiring
from sealring.server.root_seals import RootSeals, StaysSealed
from sealring_example.kms import Kms
from server.sealed_kit import claiming, install, told


@pytest.mark.parametrize("other", ["", "nonsense", "sealring root seal 2\n", "sealring root seal 1\nAAAA\n"])
def test_what_is_no_seal_is_refused(sealed, other):
    for name in ("1", "2"):
        sealed.file(name).write_text(other)

    assert "is damaged, or of another version of sealring" in told(sealed)


@pytest.mark.parametrize("part", ["head", "sealed_key", "nonce", "ciphertext"])
def test_a_part_of_another_seal_does_not_fit(tmp_path, kms, part):
    one, two = (install(tmp_path / name, kms, ("1",)) for name in ("one", "two"))
    seals = [RootSeal.parse(each.file("1").read_text()) for each in (one, two)]

    one.file("1").write_text(replace(seals[0], **{part: getattr(seals[1], part)}).encode())

    assert "it was altered, or was sealed by another key" in told(one)


def altered(sealed, name, offset):
    """Flip one bit of a seal's file."""
    file, heading = sealed.file(name), "sealring root seal 1\n"
    raw = bytearray(base64.b64decode(file.read_text().removeprefix(heading)))
    raw[offset] ^= 1
    file.write_text(f"{heading}{base64.b64encode(raw).decode()}\n")


def test_a_seal_with_any_altered_byte_leaves_the_others_in_use(sealed):
    root, before, config = sealed.seals.open(), sealed.file("1").read_text(), sealed.config
    plugins, size = wiring.load_plugins(config), len(base64.b64decode(before.split("\n")[1]))
    head = len(RootSeal.parse(before).head.encoded)

    for offset in (*range(head), *range(head, size, 64)):
        sealed.file("1").write_text(before)
        altered(sealed, "1", offset)
        seals = RootSeals(config, plugins)
        assert seals.attempt() == root, offset
        assert seals.holds(root), offset


@pytest.mark.parametrize("generation", [2, 2**32 - 1])
def test_a_seal_that_only_claims_to_be_the_newest_refuses_no_other(sealed, generation):
    root = sealed.seals.open()
    claiming(sealed, "1", generation=generation, root_id=bytes(16))

    seals = sealed.seals
    assert seals.attempt() == root
    list(seals.reseal())

    assert [RootSeal.parse(sealed.file(name).read_text()).head.generation for name in ("1", "2")] == [2, 2]
    assert "ok: seal 1" in next(sealed.seals.report())


def test_a_newer_seal_is_found_to_be_altered_when_its_kms_is_back(sealed, kms):
    root = sealed.seals.open()
    claiming(sealed, "1", generation=2, root_id=bytes(16))
    kms.states["1"] = "UNAVAILABLE"
    seals = sealed.seals
    assert seals.attempt().may_pass

    kms.states.clear()

    assert seals.attempt() == root


def test_a_seal_of_the_recovery_key_refuses_no_other(sealed, recovery):
    root = sealed.seals.open()
    claiming(sealed, "recovery", generation=2**32 - 1, root_id=bytes(16))

    assert sealed.seals.open() == root
    with pytest.raises(SettingsInvalid, match=r"root-seal-recovery was altered: .* move it away$"):
        list(sealed.seals.reseal())


@pytest.mark.parametrize("silent", ["1", "2"])
def test_a_kms_that_hangs_leaves_time_for_the_others(tmp_path, silent):
    kms = Kms(keys=("1", "2"))
    kms.start()
    try:
        seals = install(tmp_path / "etc", kms).seals
        kms.states[silent] = "SILENCE"
        assert isinstance(seals.attempt(time.monotonic() + 4), Root)
    finally:
        kms.stop()


def test_seals_that_all_hang_take_no_longer_than_they_may(tmp_path):
    kms = Kms(keys=("1", "2"))
    kms.start()
    try:
        seals = install(tmp_path / "etc", kms).seals
        kms.states.update({"1": "SILENCE", "2": "SILENCE"})
        began = time.monotonic()
        found = seals.attempt(began + 2)
        took_s = time.monotonic() - began
    finally:
        kms.stop()

    assert found.may_pass
    assert took_s < 5


@pytest.mark.parametrize("name", ["1", "2"])
def test_a_pipe_in_the_place_of_a_seal_holds_up_nobody(sealed, name):
    root = sealed.seals.open()
    sealed.file(name).unlink()
    os.mkfifo(sealed.file(name), 0o600)

    assert sealed.seals.open() == root
    assert f"seal {sealed.file(name)} cannot be read (not a regular file)" in "".join(sealed.seals.report())


def test_a_head_that_names_other_epochs_is_refused(sealed):
    seal = RootSeal.parse(sealed.file("1").read_text())
    head = replace(seal.head, epochs=(*seal.head.epochs[:1], RootEpoch("keep", 2)), generation=2)
    sealed.file("1").write_text(replace(seal, head=head).encode())
    sealed.file("2").unlink()

    assert "it was altered, or was sealed by another key" in told(sealed)


def test_a_seal_that_somebody_else_may_write_is_refused(sealed):
    for name in ("1", "2"):
        sealed.file(name).chmod(0o666)

    assert f"seal {sealed.file('1')} is writable by others, who could replace it; run: chmod go-w" in told(sealed)


def test_a_seal_of_another_provider_is_refused_before_its_key_is_asked(sealed):
    seal = RootSeal.parse(sealed.file("1").read_text())
    sealed.file("1").write_text(replace(seal, head=replace(seal.head, sealed_by="awskms")).encode())
    sealed.file("2").unlink()

    assert "has the root keys of 'local', sealed by 'awskms'; the settings name 'local' and 'example'" in told(sealed)


def test_a_provider_that_refused_for_good_is_not_asked_again(sealed, kms):
    """A wrong PIN, sent again and again, would lock a token."""
    kms.states.update({"1": "ACCESS_DENIED", "2": "UNAVAILABLE"})
    seals = sealed.seals
    assert seals.attempt().may_pass

    kms.states["1"] = ""

    assert isinstance(seals.attempt(), StaysSealed)
    kms.states["2"] = ""
    assert seals.attempt() == sealed.seals.open()
