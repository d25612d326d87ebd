"""First set-up, the ceremony of roots, and the provider's commands."""

from dataclasses import replace
from pathlib import Path

import pytest

from sealring_hsm.config import HsmConfig
from sealring_hsm.softhsm import write_conf
from sealring_hsm.spec import SPEC
from sealring_hsm.token_folder import follow_move
from sealring_plugin import DATA, KEEP, ConfigInvalid, ProviderError, RootName

DEK = bytes(range(32))


@pytest.fixture
def fresh(pattern, tmp_path):
    suggested = SPEC.suggest(tmp_path)
    return SPEC.parse_config({name: str(value) for name, value in suggested.items()}, tmp_path)


@pytest.fixture
def command():
    by_name = {each.name: each for each in SPEC.commands}
    return lambda name, config, **options: list(by_name[name].run(config, options))


def test_what_is_suggested_is_initialised_and_works(fresh, call, context):
    made = SPEC.initialise(fresh)
    provider = SPEC.build(fresh)
    key = provider.create_key("key-1", 1, b"scope", DATA, call)

    assert "root keys default-data/1, default-keep/1;" in made
    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK
    assert provider.announcement() == "export guard: enforced by the token"
    provider.close()


def test_what_is_made_is_its_owners_only(fresh, tmp_path):
    SPEC.initialise(fresh)

    assert (tmp_path / "hsm").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "hsm/tokens").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "hsm/pin").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "hsm/so-pin").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "hsm").iterdir()) == ["pin", "so-pin", "softhsm2.conf", "tokens"]


def test_initialising_again_keeps_what_is_there(fresh, tmp_path):
    SPEC.initialise(fresh)
    before = _files(tmp_path, "*.object")

    assert "kept as they are" in SPEC.initialise(fresh)
    assert _files(tmp_path, "*.object") == before


def test_a_set_up_that_was_cut_short_begins_again(fresh, tmp_path):
    (tmp_path / "hsm/tokens.new/half").mkdir(parents=True)

    SPEC.initialise(fresh)

    assert not (tmp_path / "hsm/tokens.new").exists()
    assert "kept" in SPEC.initialise(fresh)


def test_a_set_up_that_was_cut_short_at_the_end_is_finished(fresh, tmp_path):
    SPEC.initialise(fresh)
    (tmp_path / "hsm/softhsm2.conf").unlink()

    assert "kept" in SPEC.initialise(fresh)


def test_initialising_a_token_that_lost_its_root_makes_none(config, plugin_config, run):
    run("for each in list(token_session().get_objects()): each.destroy()")

    with pytest.raises(ConfigInvalid, match="no root key"):
        SPEC.initialise(plugin_config)

    assert run("print(len(list(token_session().get_objects())))") == ["0"]


def test_a_token_that_was_moved_with_its_configuration_opens(fresh, tmp_path):
    SPEC.initialise(fresh)
    (tmp_path / "hsm").rename(tmp_path / "moved")
    moved = fresh | {"pin_file": tmp_path / "moved/pin", "conf_file": tmp_path / "moved/softhsm2.conf"}

    assert "kept" in SPEC.initialise(moved)

    assert f"directories.tokendir = {tmp_path}/moved/tokens\n" in (tmp_path / "moved/softhsm2.conf").read_text()


def test_a_configuration_of_the_operator_is_not_changed(tmp_path):
    conf = tmp_path / "softhsm2.conf"
    conf.write_text("directories.tokendir = /nowhere/tokens\n")
    (tmp_path / "tokens").mkdir()

    follow_move(conf)

    assert conf.read_text() == "directories.tokendir = /nowhere/tokens\n"


def test_a_configuration_whose_folder_exists_is_not_changed(tmp_path):
    conf, elsewhere = tmp_path / "softhsm2.conf", tmp_path / "elsewhere"
    write_conf(conf, elsewhere)
    for folder in (elsewhere, tmp_path / "tokens"):
        folder.mkdir()

    follow_move(conf)

    assert str(elsewhere) in conf.read_text()


def test_initialising_where_the_token_is_gone_makes_none(config, plugin_config):
    tokens = config.conf_file.with_name("tokens")
    tokens.rename(tokens.with_name("away"))

    with pytest.raises(ConfigInvalid, match="restore it from its backup"):
        SPEC.initialise(plugin_config)

    assert not tokens.exists()


def test_a_root_is_never_replaced(plugin_config, command, key, provider, context, call):
    provider.close()

    with pytest.raises(ConfigInvalid, match="never replaced"):
        command("init-root", plugin_config, epoch=1)

    assert provider.wrap(key, DEK, context, call)


def test_a_root_that_was_there_once_is_not_made_again(plugin_config, command, run):
    run("""
    from pkcs11 import Attribute, ObjectClass
    for root in list(token_session().get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY})):
        root.destroy()
    """)

    with pytest.raises(ConfigInvalid, match="is lost: only its canary exists"):
        command("init-root", plugin_config, epoch=1)


def test_keys_of_an_older_root_open_beside_those_of_the_newest(plugin_config, command, provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    provider.close()

    made = command("init-root", plugin_config, epoch=2)
    newer = provider.create_key("key-2", 1, b"scope", DATA, call)

    assert made[:2] == ["made root default-data/2, guard: trusted", "made root default-keep/2, guard: trusted"]
    assert provider.unwrap(wrapped, key, context, call) == DEK
    assert provider.unwrap(provider.wrap(newer, DEK, context, call), newer, context, call) == DEK
    assert (key.root, newer.root) == (RootName(DATA, 1), RootName(DATA, 2))
    provider.close()
    assert command("roots", plugin_config) == [
        "default-data/1  ok, guard: trusted",
        "default-data/2  ok, guard: trusted",
        "default-keep/1  ok, guard: trusted",
        "default-keep/2  ok, guard: trusted",
    ]


def test_a_root_of_one_domain_can_be_made_alone(plugin_config, command, provider, call):
    provider.close()

    assert command("init-root", plugin_config, domain="data", epoch=2)[0] == "made root default-data/2, guard: trusted"

    roots = [provider.create_key("key", 1, b"scope", domain, call).root for domain in (DATA, KEEP)]
    assert roots == [RootName(DATA, 2), RootName(KEEP, 1)]


def test_where_one_of_two_roots_exists_none_is_made(plugin_config, command):
    command("init-root", plugin_config, domain="keep", epoch=2)

    with pytest.raises(ConfigInvalid, match="default-keep/2 exists on the token"):
        command("init-root", plugin_config, epoch=2)

    assert [line.split()[0] for line in command("roots", plugin_config)] == [
        "default-data/1",
        "default-keep/1",
        "default-keep/2",
    ]


@pytest.mark.parametrize("options", [{"domain": "default"}, {"epoch": 0}, {"epoch": -1}, {"epoch": 2**32}])
def test_a_root_that_can_have_no_name_is_refused(plugin_config, command, options):
    with pytest.raises(ConfigInvalid):
        command("init-root", plugin_config, **options)


def test_without_the_officers_pin_a_root_is_sealed(config, plugin_config, command):
    config.pin_file.with_name("so-pin").unlink()

    assert command("init-root", plugin_config, epoch=2)[0] == "made root default-data/2, guard: sealed"


def test_a_wrong_officers_pin_makes_no_trusted_root(config, plugin_config, command):
    config.pin_file.with_name("so-pin").write_text("wrong-pin")

    with pytest.raises(ProviderError):
        command("init-root", plugin_config, epoch=2)

    assert command("roots", plugin_config) == [
        "default-data/1  ok, guard: trusted",
        "default-keep/1  ok, guard: trusted",
    ]


def test_a_token_can_be_made_first_and_its_root_later(fresh, command, call):
    made = command("init-token", fresh)
    provider = SPEC.build(fresh)
    with pytest.raises(ConfigInvalid, match="no root key"):
        provider.check(call)
    provider.close()

    assert "made the token" in made[-1]
    assert command("roots", fresh) == [
        "no root of domain 'default-data' on the token",
        "no root of domain 'default-keep' on the token",
    ]
    assert command("init-root", fresh)[0] == "made root default-data/1, guard: trusted"
    with pytest.raises(ConfigInvalid, match="never replaced"):
        command("init-token", fresh)


def test_the_probe_says_what_it_found_and_leaves_nothing(plugin_config, command, run):
    before = run("print(len(list(token_session().get_objects())))")

    lines = command("probe", plugin_config)

    assert lines[0] == "export guard: enforced by the token"
    assert "  refused    unwrap a key as readable" in lines
    assert [line.split()[0] for line in lines[11:]] == [
        "token", "AES_KEY_GEN", "AES_GCM", "AES_KEY_WRAP", "create", "load", "wrap", "unwrap", "sessions",
    ]  # fmt: skip
    assert run("print(len(list(token_session().get_objects())))") == before


def test_another_wrap_mechanism_works_and_is_remembered_in_the_material(make_provider, provider, call, context):
    padded = make_provider(wrap_mechanism="aes-key-wrap-pad").create_key("key-1", 1, b"scope", DATA, call)

    assert provider.unwrap(provider.wrap(padded, DEK, context, call), padded, context, call) == DEK


def test_a_complete_configuration_is_in_the_docstring(fresh):
    from sealring_hsm.config import FIELDS  # noqa: PLC0415
    from sealring_hsm.wrap import HsmProvider  # noqa: PLC0415

    for field in FIELDS:
        assert f"{field.name} = " in HsmProvider.__doc__


def test_a_machine_without_softhsm_suggests_nothing(monkeypatch, tmp_path):
    from sealring_hsm import softhsm  # noqa: PLC0415

    monkeypatch.setattr(softhsm, "MODULES", (str(tmp_path / "none.so"),))

    assert SPEC.suggest(tmp_path) is None


def _files(folder: Path, pattern: str):
    return {path.relative_to(folder): path.stat().st_size for path in folder.rglob(pattern)}


def test_settings_have_defaults(tmp_path):
    config = HsmConfig.of(SPEC.parse_config({"module": "/m.so", "pin_file": "pin"}, tmp_path))

    assert config == replace(config, wrap_mechanism="aes-key-wrap", iv_mode="caller", allow_unguarded=False)
