"""What happens when the token or its PIN is not there, or not right."""

import shutil
import time
from dataclasses import replace

import pytest

from sealring_plugin import DATA, Call, CiphertextRejected, ConfigInvalid, DeadlineExceeded, Purpose, RootLost

DEK = bytearray(range(32))


def test_a_wrong_pin_is_tried_only_once_since_tokens_lock_themselves(config, provider, call):
    right = config.pin_file.read_text()
    config.pin_file.write_text("wrong-pin")

    for _ in range(20):
        with pytest.raises(ConfigInvalid, match="refuses the PIN"):
            provider.check(call)
    config.pin_file.write_text(right)

    provider.check(call)


def test_a_wrong_pin_is_not_tried_again_until_it_changes(config, provider, run, call):
    """Told by a token that would take it by now: SoftHSM itself never locks."""
    right = config.pin_file.read_text().strip()
    config.pin_file.write_text("wrong-pin")
    with pytest.raises(ConfigInvalid, match="refuses the PIN"):
        provider.check(call)
    config.pin_file.write_text(right)
    run("token_session().set_pin(sys.argv[3], 'wrong-pin')", right)
    config.pin_file.write_text("wrong-pin")
    provider.close()  # the module reads the token anew

    with pytest.raises(ConfigInvalid, match="refuses the PIN"):
        provider.check(call)


def test_a_token_that_refuses_a_pin_is_not_looked_at_again_as_one_that_is_being_written(config, provider, call):
    provider.check(call)
    module = provider._device._module  # noqa: SLF001  it counts how often it was initialised
    before = module.generation
    config.pin_file.write_text("wrong-pin")
    provider.close()

    with pytest.raises(ConfigInvalid, match="refuses the PIN"):
        provider.check(call)

    assert module.generation == before + 1


def test_a_wrong_pin_is_refused_even_where_another_provider_is_logged_in(
    config, make_provider, provider, tmp_path, call
):
    provider.check(call)
    (tmp_path / "other-pin").touch(0o600)
    (tmp_path / "other-pin").write_text("wrong-pin")

    with pytest.raises(ConfigInvalid, match="refuses the PIN"):
        make_provider(pin_file=tmp_path / "other-pin").check(call)

    provider.check(call)


def test_a_pin_that_others_can_read_is_refused(config, provider, call):
    config.pin_file.chmod(0o644)

    with pytest.raises(ConfigInvalid, match="chmod 600"):
        provider.check(call)


def test_a_missing_pin_is_said(config, provider, call):
    config.pin_file.unlink()

    with pytest.raises(ConfigInvalid, match=r"pin_file .* cannot be read"):
        provider.check(call)


@pytest.mark.parametrize("content", [None, "not a library"])
def test_a_missing_module_is_said(make_provider, tmp_path, call, content):
    if content is not None:
        (tmp_path / "module.so").write_text(content)

    with pytest.raises(ConfigInvalid, match=r"module .*module\.so cannot be loaded"):
        make_provider(module=tmp_path / "module.so").check(call)


def test_a_library_that_is_no_pkcs11_module_is_said(make_provider, call):
    with pytest.raises(ConfigInvalid, match="cannot be loaded"):
        make_provider(module="libc.so.6").check(call)


def test_a_missing_token_is_said(make_provider, call):
    with pytest.raises(RootLost, match="token_label"):
        make_provider(token_label="another").check(call)


def test_a_missing_conf_file_is_said(config, provider, call):
    config.conf_file.unlink()

    with pytest.raises(ConfigInvalid, match="conf_file"):
        provider.check(call)


def test_a_token_that_is_taken_away_comes_back(config, provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    tokens = config.conf_file.with_name("tokens")
    tokens.rename(tokens.with_name("away"))

    for _ in range(3):
        with pytest.raises(
            RootLost, match=f"the folder of the tokens is missing: {tokens}; restore it from its backup"
        ):
            provider.check(call)
        with pytest.raises(RootLost):
            provider.create_key("key-2", 1, b"scope", DATA, call)
        with pytest.raises(RootLost):
            provider.unwrap(wrapped, key, context, call)
    tokens.with_name("away").rename(tokens)

    provider.check(call)
    assert provider.unwrap(wrapped, key, context, call) == DEK


def test_an_empty_token_folder_is_not_taken_for_a_new_installation(config, provider, key, call):
    tokens = config.conf_file.with_name("tokens")
    tokens.rename(tokens.with_name("away"))
    tokens.mkdir()

    with pytest.raises(RootLost):
        provider.check(call)
    with pytest.raises(RootLost):
        provider.create_key("key-2", 1, b"scope", DATA, call)

    assert list(tokens.iterdir()) == []


def test_a_blob_that_does_not_open_on_a_broken_token_is_the_tokens_trouble(provider, key, run, context, call):
    """SoftHSM says GENERAL_ERROR for a wrong tag, and for much else: only a token that is well rejects a blob."""
    wrapped = provider.wrap(key, DEK, context, call)
    altered = replace(wrapped, blob=wrapped.blob[:-1] + bytes([wrapped.blob[-1] ^ 1]))
    with pytest.raises(CiphertextRejected):
        provider.unwrap(altered, key, context, call)
    run("""
    from pkcs11 import Attribute, ObjectClass
    for root in list(token_session().get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY})):
        root.destroy()
    """)

    with pytest.raises(RootLost, match="is not on the token"):
        provider.unwrap(altered, key, context, call)


def test_the_material_of_another_installation_is_said_to_be_of_another_root(provider, key, context, call):
    other = bytearray(key.material)
    other[7 + len("default-data") + 4] ^= 1  # the root id

    with pytest.raises(RootLost, match="does not have the root"):
        provider.wrap(replace(key, material=_checked(other)), DEK, context, call)


def test_a_full_disk_does_not_stop_keys_since_they_are_not_on_the_token(run):
    lines = run("""
    import resource
    provider = HsmProvider(config)
    provider.check(CALL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    key = provider.create_key("key-1", 1, b"scope", DATA, CALL)
    print(provider.unwrap(provider.wrap(key, DEK, BINDING, CALL), key, BINDING, CALL) == DEK)
    provider.check(CALL)
    """)

    assert lines == ["True"]


def test_a_token_that_a_full_disk_damaged_is_restored_from_its_backup(config, provider, key, run, context, call):
    """SoftHSM rewrites its token file at each login: where the disk is full then, the token is gone."""
    wrapped = provider.wrap(key, DEK, context, call)
    provider.close()
    tokens, backup = config.conf_file.with_name("tokens"), config.conf_file.with_name("backup")
    shutil.copytree(tokens, backup)

    lines = run("""
    import resource
    from sealring_hsm import commands
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        list(commands.init_root(config, {"epoch": 2}))
    except ProviderError as error:
        print(type(error).__name__)
    """)

    assert lines == ["Unavailable"]
    with pytest.raises(RootLost):
        provider.check(call)
    shutil.rmtree(tokens)
    backup.rename(tokens)
    assert provider.unwrap(wrapped, key, context, call) == DEK


def test_a_call_waits_for_its_turn_no_longer_than_its_deadline(config, provider, key, context, call):
    from sealring_hsm.module import Setup, acquire, release  # noqa: PLC0415

    module = acquire(Setup.of(config))
    soon = Call(time.monotonic() + 0.05, "request-1", "org_acme", Purpose.ENCRYPT)
    with module.alone(call.deadline), pytest.raises(DeadlineExceeded):
        provider.wrap(key, DEK, context, soon)
    release(module)

    provider.wrap(key, DEK, context, call)


@pytest.mark.parametrize("iv_mode", ["param", "appended"])
def test_an_iv_mode_that_the_token_does_not_know_is_refused_before_a_key_is_wrapped(
    make_provider, provider, key, context, call, iv_mode
):
    with pytest.raises(ConfigInvalid, match=f"iv_mode is {iv_mode}"):
        make_provider(iv_mode=iv_mode).wrap(key, DEK, context, call)


@pytest.mark.parametrize(
    "setting",
    [
        {"wrap_mechanism": "rot13"},
        {"iv_mode": "none"},
        {"locking": "maybe"},
        {"session_limit": 1},
        {"root_domain": "../x"},
        {"token_label": "x" * 33},
        {"unknown": 1},
        {"allow_unguarded": "yes"},
    ],
)
def test_a_wrong_setting_is_refused_by_name(plugin_config, tmp_path, setting):
    from sealring_hsm.spec import SPEC  # noqa: PLC0415

    table = {name: str(value) for name, value in plugin_config.items() if name in {"module", "pin_file"}}

    with pytest.raises(ConfigInvalid, match=next(iter(setting))):
        SPEC.build(SPEC.parse_config({**table, **setting}, tmp_path))


def _checked(body):
    import hashlib  # noqa: PLC0415

    return bytes(body[:-8]) + hashlib.sha256(body[:-8]).digest()[:8]
