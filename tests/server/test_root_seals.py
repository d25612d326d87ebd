"""Seals of the root keys: any of them opens, and nothing else does."""

import base64
import itertools
import os
import time
from dataclasses import replace

import pytest
from shamir_mnemonic import generate_mnemonics

from sealring import settings
from sealring.crypto.root_seal import RecoveryKey
from sealring.domain.root_seal import Root, RootEpoch, RootSeal
from sealring.errors import ChangeRefused, KeyMisconfigured, SealringError, SettingsInvalid
from sealring.operator import installation
from sealring.operator.recovery import key_of, shares_of
from sealring.providers.instances import ManagedSource
from sealring.providers.plugins import managed_source
from sealring.server import wiring
from sealring.server.root_seals import RootSeals, StaysSealed
from sealring_example.kms import Kms
from sealring_local.roots import Roots
from sealring_plugin import DATA, RootName
from server.sealed_kit import NO_STORE, Sealed, install, tables


@pytest.fixture(scope="module")
def kms():
    made = Kms(keys=("1", "2", "other"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def sealed(tmp_path, kms):
    yield install(tmp_path / "etc", kms)
    kms.states.clear()


def rolled(root):
    """The same root keys with one more epoch of the domain `data`."""
    roots = Roots.parse(root.content.decode())
    more = Roots({**roots.keys, RootName(DATA, 2): bytes(32)})
    epochs = tuple(sorted([*root.epochs, RootEpoch(DATA, 2)]))
    return replace(root, content=more.encode().encode(), epochs=epochs)


def told(sealed):
    """Why the root keys stay sealed."""
    found = sealed.seals.attempt()
    assert isinstance(found, StaysSealed)
    return found.why


# --- made


def test_new_root_keys_are_never_written_in_clear(sealed):
    root = sealed.seals.open()
    secrets = list(Roots.parse(root.content.decode()).keys.values())

    assert not (sealed.folder / "root.key").exists()
    assert sorted(each.name for each in sealed.folder.glob("root*")) == ["root-seal-1", "root-seal-2"]
    for file in sealed.folder.iterdir():
        content = file.read_bytes()
        assert [key for key in secrets if key in content or key.hex().encode() in content] == []


def test_a_seal_can_be_read_only_by_its_owner(sealed):
    assert [sealed.file(name).stat().st_mode & 0o777 for name in ("1", "2")] == [0o600, 0o600]


def test_a_reseal_names_the_seals_that_the_settings_do_not_have_any_more(sealed):
    text = sealed.path.read_text()
    sealed.path.write_text(text.replace("[seal.2]", "[seal.3]").replace("[seal.1]", "[seal.2]"))
    sealed.file("1").rename(sealed.file("2"))
    sealed.file("1").write_text("what the first seal was")

    said = list(sealed.seals.reseal())

    assert said == [
        f"seal {sealed.file('2')} by example",
        f"seal {sealed.file('3')} by example",
        f"{sealed.file('1')} belongs to no seal of the settings: remove it, and destroy its key if nothing else needs it",
    ]


def test_any_of_several_seals_opens(sealed, kms):
    root = sealed.seals.open()

    for lost in ("1", "2"):
        kms.states.clear()
        kms.states[lost] = "KEY_DISABLED"
        assert sealed.seals.open() == root


def test_if_no_seal_opens_each_says_why(sealed, kms):
    kms.states.update({"1": "KEY_DISABLED", "2": "ACCESS_DENIED"})

    with pytest.raises(SettingsInvalid) as refused:
        sealed.seals.open()

    assert str(refused.value) == (
        "the root keys stay sealed: seal 1 (example): The key is disabled. (the KMS answered 400); "
        "seal 2 (example): Access to the key is denied. (the KMS answered 400); restore the access to "
        "one of them, or start with `sealring serve --recovery-key`"
    )


def test_init_again_keeps_the_seals(sealed):
    before = sealed.file("1").read_bytes(), sealed.file("2").read_bytes()

    list(installation.create_files(sealed.folder, NO_STORE))

    assert (sealed.file("1").read_bytes(), sealed.file("2").read_bytes()) == before


def test_init_makes_no_root_keys_beside_a_seal_that_it_cannot_read(sealed):
    for name in ("1", "2"):
        sealed.file(name).write_text("nonsense")

    with pytest.raises(
        SettingsInvalid, match="is damaged, or of another version of sealring; `sealring init` replaces no"
    ):
        list(installation.create_files(sealed.folder, NO_STORE))


def test_settings_that_were_written_before_the_first_seal_get_one(tmp_path, kms):
    first = install(tmp_path / "first", kms)
    for name in ("1", "2"):
        first.file(name).unlink()

    made = list(installation.create_files(first.folder, NO_STORE))

    assert made == [f"seal {first.file('1')} by example", f"seal {first.file('2')} by example"]


# --- swapped, altered, of another time


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


def claiming(sealed, name, **head):
    """Let a seal's file say something else of itself."""
    seal = RootSeal.parse(sealed.file(name).read_text())
    sealed.file(name).write_text(replace(seal, head=replace(seal.head, **head)).encode())


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


def test_an_older_seal_that_claims_to_be_the_newest_does_not_open(sealed):
    old = sealed.file("2").read_text()
    new = rolled(sealed.seals.open())
    list(sealed.seals.make(new))
    sealed.file("2").write_text(old)
    claiming(sealed, "2", generation=9)

    assert sealed.seals.open() == new


@pytest.mark.parametrize(("state", "may_pass"), [("UNAVAILABLE", True), ("KEY_DESTROYED", False)])
def test_an_older_seal_stays_shut_while_nobody_can_say_whether_the_newer_one_is_genuine(sealed, kms, state, may_pass):
    old = sealed.file("2").read_text()
    new = rolled(sealed.seals.open())
    list(sealed.seals.make(new))
    sealed.file("2").write_text(old)
    kms.states["1"] = state

    seals = sealed.seals
    found = seals.attempt()

    assert isinstance(found, StaysSealed)
    assert found.may_pass is may_pass
    assert "seal 2 (example): " in found.why
    assert f"or move {sealed.file('1')} away, if it is not what was sealed last" in found.why
    kms.states.clear()
    assert sealed.seals.open() == new


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


def test_the_recovery_key_opens_beside_a_seal_that_only_claims_to_be_newer(sealed, recovery):
    root = sealed.seals.open()
    for name in ("1", "2"):
        claiming(sealed, name, generation=2, root_id=bytes(16))

    assert sealed.seals.open_with(recovery) == root


def test_root_keys_in_hand_stay_if_each_seal_that_says_otherwise_was_altered(sealed):
    root = sealed.seals.open()
    for name in ("1", "2"):
        claiming(sealed, name, generation=2, root_id=bytes(16))
    seals = sealed.seals
    assert not seals.holds(root)

    assert isinstance(seals.attempt(), StaysSealed)

    assert seals.holds(root)


def test_root_keys_in_hand_stay_beside_an_altered_seal_if_only_that_of_the_recovery_key_has_them(sealed, recovery):
    root = sealed.seals.open()
    list(sealed.seals.reseal())
    for name in ("1", "2"):
        claiming(sealed, name, root_id=bytes(16))
    seals = sealed.seals

    assert isinstance(seals.attempt(), StaysSealed)
    assert seals.holds(root)


@pytest.mark.parametrize("state", ["UNAVAILABLE", "KEY_DESTROYED", "ACCESS_DENIED"])
def test_root_keys_in_hand_do_not_stay_beside_a_seal_of_others_that_nobody_can_try(sealed, kms, recovery, state):
    root = sealed.seals.open()
    list(sealed.seals.make(rolled(root)))
    claiming(sealed, "2", root_id=bytes(16))
    kms.states["1"] = state
    seals = sealed.seals

    assert isinstance(seals.attempt(), StaysSealed)
    assert not seals.holds(root)


def test_root_keys_in_hand_do_not_stay_if_there_is_no_seal_any_more(sealed):
    root = sealed.seals.open()
    for name in ("1", "2"):
        sealed.file(name).unlink()
    seals = sealed.seals

    assert isinstance(seals.attempt(), StaysSealed)
    assert not seals.holds(root)


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


def test_a_seal_of_root_keys_that_were_replaced_is_not_opened(sealed, kms):
    old = sealed.file("2").read_text()
    list(sealed.seals.make(rolled(sealed.seals.open())))
    sealed.file("2").write_text(old)
    kms.states["1"] = "KEY_DISABLED"

    assert "root-seal-2 is of other root keys than those that were sealed last: make it again" in told(sealed)


@pytest.mark.parametrize("older", ["1", "2"])
def test_a_crash_between_two_seals_leaves_the_new_root_keys(sealed, older):
    root, before = rolled(sealed.seals.open()), sealed.file(older).read_text()
    list(sealed.seals.make(root))
    sealed.file(older).write_text(before)

    assert sealed.seals.open() == root


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


# --- a file in clear


@pytest.fixture
def in_clear(tmp_path, kms):
    """An installation with its root keys in clear, to whose settings two seals were added."""
    list(installation.create_files(tmp_path / "etc", NO_STORE, "local"))
    path = tmp_path / "etc" / installation.SETTINGS_FILE
    path.write_text(path.read_text() + tables(kms))
    return Sealed(tmp_path / "etc", kms)


def test_root_keys_in_clear_are_sealed_as_they_are(in_clear):
    clear = (in_clear.folder / "root.key").read_bytes()

    said = list(in_clear.seals.reseal())

    assert in_clear.seals.open().content == clear
    assert (
        said[-1]
        == f"{in_clear.folder / 'root.key'} is not needed any more: put a copy where no server is, and remove it"
    )
    assert (in_clear.folder / "root.key").read_bytes() == clear


def test_root_keys_in_clear_are_never_read_beside_seals(sealed):
    (sealed.folder / "root.key").touch(0o600)
    (sealed.folder / "root.key").write_text(Roots.fresh().encode())

    loaded = wiring.load_plugins(sealed.config).managed["local"]

    source: ManagedSource = managed_source(loaded)
    with pytest.raises(Exception, match="the root keys are sealed, and were not opened"):
        source.build()


def test_a_reseal_takes_the_root_keys_of_the_seals_and_not_those_in_clear(sealed):
    root = sealed.seals.open()
    (sealed.folder / "root.key").touch(0o600)
    (sealed.folder / "root.key").write_text(Roots.fresh().encode())

    list(sealed.seals.reseal())

    assert sealed.seals.open() == root


def test_the_report_names_each_seal_and_a_file_in_clear(sealed, kms):
    kms.states["2"] = "KEY_DISABLED"
    (sealed.folder / "root.key").touch(0o600)
    root = sealed.seals.open().id.hex()

    assert list(sealed.seals.report()) == [
        f"root      ok: seal 1: by example, root {root} (data/1, keep/1), sealing 1",
        "root      warning: seal 2: The key is disabled. (the KMS answered 400)",
        f"root      warning: {sealed.folder / 'root.key'} has root keys in clear beside their seals: remove it, after you have put a copy where no server is",
    ]


def test_a_reseal_replaces_no_file_if_one_seal_cannot_be_made(sealed, kms):
    before = sealed.file("1").read_bytes()
    kms.states["2"] = "KEY_DISABLED"

    with pytest.raises(SettingsInvalid, match=r"^seal 2 \(example\): The key is disabled"):
        list(sealed.seals.reseal())

    assert sealed.file("1").read_bytes() == before


# --- the recovery key


@pytest.fixture
def recovery(sealed):
    key = RecoveryKey.fresh()
    sealed.seals.make_recovery(sealed.seals.open(), key)
    return key


def test_any_three_shares_of_five_open_the_root_keys(sealed, recovery, kms):
    root = sealed.seals.open()
    shares = shares_of(recovery)
    kms.states.update({"1": "KEY_DESTROYED", "2": "KEY_DESTROYED"})

    assert len(shares) == 5
    for three in itertools.combinations(shares, 3):
        assert sealed.seals.open_with(key_of(three)) == root


def test_fewer_shares_or_those_of_others_are_refused(recovery):
    mine, others = shares_of(recovery), shares_of(RecoveryKey.fresh())

    for few in (mine[:2], [mine[0]] * 3, mine[:4], []):
        with pytest.raises(ChangeRefused, match="the recovery key needs 3 different shares"):
            key_of(few)
    for mixed in ([*mine[:2], others[0]], [*mine[:2], f"{mine[2]} acid"], ["nonsense", "more", "yet more"]):
        with pytest.raises(ChangeRefused, match="the shares do not fit together"):
            key_of(mixed)


def test_shares_of_something_else_than_a_recovery_key_are_refused():
    ((*shares,),) = generate_mnemonics(1, [(3, 5)], bytes(16))

    with pytest.raises(ChangeRefused, match="the shares are not those of a recovery key of sealring"):
        key_of(shares[:3])


def test_another_recovery_key_opens_nothing(sealed, recovery):
    with pytest.raises(SettingsInvalid, match="the recovery key does not open"):
        sealed.seals.open_with(RecoveryKey.fresh())


def test_a_recovery_key_opens_no_other_seal(sealed, recovery):
    sealed.file("recovery").write_text(sealed.file("1").read_text())

    with pytest.raises(SealringError, match="sealed by 'example'; the settings name 'local' and 'recovery'"):
        sealed.seals.open_with(recovery)


def test_the_recovery_key_is_no_root_key_and_is_stored_nowhere(sealed, recovery):
    assert recovery.secret not in sealed.seals.open().content
    assert recovery.secret.hex() not in sealed.seals.open().content.decode()
    assert [file.name for file in sealed.folder.iterdir() if recovery.secret in file.read_bytes()] == []


def test_a_recovery_seal_of_replaced_root_keys_is_reported_and_not_opened(sealed, recovery):
    list(sealed.seals.make(rolled(sealed.seals.open())))

    assert "make it again with `sealring root recovery-key`" in list(sealed.seals.report())[-1]
    with pytest.raises(SettingsInvalid, match="is of other root keys than those that were sealed last"):
        sealed.seals.open_with(recovery)


# --- settings


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[seal]\nretry_s = 60\n", "[seal] 1 is missing"),
        (
            "[seal]\nretry_s = 0\n[seal.1]\nprovider = 'example'\n",
            "[seal] retry_s must be a whole number from 1 to 3600",
        ),
        ("[seal.recovery]\nprovider = 'example'\n", "[seal] recovery is not a setting, and no name of a seal"),
        ("[seal.A]\nprovider = 'example'\n", "[seal] A is not a setting, and no name of a seal"),
        ("[seal.1]\nkey = 'x'\n", "[seal.1] provider is missing or not a text"),
        ("[seal]\n1 = 'example'\n", "[seal] 1 is missing or not a table"),
    ],
)
def test_settings_of_seals_that_cannot_be_used_are_refused(sealed, text, wrong):
    before = sealed.path.read_text().partition("# The seals of the root keys")[0]
    sealed.path.write_text(before + text)

    with pytest.raises(SettingsInvalid) as refused:
        settings.load(sealed.path)
    assert str(refused.value).startswith(wrong)


def test_a_seal_by_a_provider_that_is_not_installed_names_those_that_are(sealed):
    sealed.path.write_text(sealed.path.read_text().replace('provider = "example"', 'provider = "nonsense"'))
    for name in ("1", "2"):
        claiming(sealed, name, sealed_by="nonsense")

    assert "seal 1 (nonsense): [seal.1]: no such plugin is installed; installed are: " in told(sealed)


def test_a_wrong_setting_of_a_seal_names_the_seal_and_quotes_nothing(sealed):
    sealed.path.write_text(sealed.path.read_text().replace('key = "', 'keys = "'))

    assert "[seal.2] unknown setting 'keys'" in told(sealed)


@pytest.mark.parametrize(
    ("right", "wrong"), [('provider = "example"', 'provider = "nonsense"'), ('key = "1"', 'keys = "1"')]
)
def test_a_seal_that_cannot_be_used_leaves_the_others_and_the_recovery_key_in_use(sealed, recovery, right, wrong):
    root = sealed.seals.open()
    sealed.path.write_text(sealed.path.read_text().replace(right, wrong, 1))

    assert sealed.seals.open() == root
    assert sealed.seals.open_with(recovery) == root
    assert [line.partition(": ")[0] for line in sealed.seals.report()] == [
        "root      warning",
        "root      ok",
        "root      ok",
    ]


def test_a_reseal_needs_every_seal_of_the_settings(sealed):
    before = sealed.file("2").read_bytes()
    sealed.path.write_text(sealed.path.read_text().replace('provider = "example"', 'provider = "nonsense"', 1))

    with pytest.raises(SettingsInvalid, match=r"^\[seal.1\]: no such plugin is installed"):
        list(sealed.seals.reseal())

    assert sealed.file("2").read_bytes() == before


def test_seals_without_root_keys_in_a_file_are_refused(tmp_path, kms):
    seals = tmp_path / "seals"
    seals.write_text(tables(kms))

    with pytest.raises(
        SettingsInvalid, match="--seals needs a provider that keeps its root keys in a file: --keys local"
    ):
        list(installation.create_files(tmp_path / "etc", NO_STORE, "hsm", None, seals))


@pytest.mark.parametrize("text", ["nonsense", "[store]\nurl = 'redis://x'\n", "[seal.1]\n[keys]\n"])
def test_a_file_of_seals_with_anything_else_is_refused(tmp_path, text):
    seals = tmp_path / "seals"
    seals.write_text(text)

    with pytest.raises(SettingsInvalid, match=r"^--seals "):
        list(installation.create_files(tmp_path / "etc", NO_STORE, "local", None, seals))


def test_a_command_fails_with_one_line_while_no_seal_opens(sealed, kms):
    kms.states.update({"1": "UNAVAILABLE", "2": "UNAVAILABLE"})

    with pytest.raises((SettingsInvalid, KeyMisconfigured), match="^the root keys stay sealed: "):
        wiring.make_gateway(sealed.config)
