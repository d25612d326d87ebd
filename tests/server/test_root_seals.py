"""Root keys are sealed when they are made and sealed anew, and a server takes them from any seal of its settings."""

import pytest

from sealring import settings
from sealring.errors import KeyMisconfigured, SettingsInvalid
from sealring.operator import installation
from sealring.server import wiring
from sealring_local.roots import Roots
from server.sealed_kit import NO_STORE, claiming, install, tables, told

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


# --- a file in clear


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
