"""The theft demonstration: a thief has the user PIN and the wrapped keys of the store, in a process of their own.

They use python-pkcs11 and nothing of ours. With the root of the ceremony they get nothing; with a root that lacks the
guard's attributes they get the key-encrypting key itself, and the provider says so.
"""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pkcs11.exceptions import PKCS11Error

from sealring_hsm.ceremony import Officers, make_roots
from sealring_hsm.config import read_pin
from sealring_hsm.guard import _Thief
from sealring_hsm.material import Guard, Material
from sealring_hsm.module import Setup, acquire, release
from sealring_hsm.roots import find_roots
from sealring_hsm.softhsm import so_pin_file
from sealring_plugin import DATA, KEEP, ConfigInvalid, RootName

DEK = bytes(range(32))

THIEF = """
import pkcs11
from pkcs11 import Attribute as A, KeyType, Mechanism, MechanismFlag as F, ObjectClass

session, wrapped = token_session(), bytes.fromhex(sys.argv[3])
(root,) = [key for key in session.get_objects({A.CLASS: ObjectClass.SECRET_KEY}) if key[A.LABEL] == sys.argv[4]]
KW = Mechanism.AES_KEY_WRAP
crypt = F.ENCRYPT | F.DECRYPT

def unwrap(template, **more):
    return root.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, wrapped, mechanism=KW, capabilities=crypt,
                           template=template, **more)

def own_key(**more):
    return session.generate_key(KeyType.AES, 256, capabilities=F.WRAP | F.UNWRAP | crypt, **more)

def export_with(own, kek):
    own.wrap_key(own_key(template={A.EXTRACTABLE: True}), mechanism=KW)  # it can wrap what is not guarded
    blob = own.wrap_key(kek, mechanism=KW)
    return own.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, blob, mechanism=KW,
                          template={A.SENSITIVE: False, A.EXTRACTABLE: True})[A.VALUE]

def decrypt_by_hand():
    root[A.DECRYPT] = True
    return "the root may decrypt"

def copied_root():
    root.copy({A.TOKEN: False, A.DECRYPT: True, A.MODIFIABLE: True})
    return "a copy of the root may decrypt"

def left_behind_trusted_key():
    try:
        return export_with(own_key(template={A.TRUSTED: True}, label="own"), unwrap(guarded))
    except pkcs11.AttributeReadOnly:
        (own,) = session.get_objects({A.LABEL: "own"})  # SoftHSM leaves it behind
        return export_with(own, unwrap(guarded))

guarded = {A.SENSITIVE: True, A.EXTRACTABLE: True, A.WRAP_WITH_TRUSTED: True}
deeds = {
    "read the value": lambda: unwrap(guarded)[A.VALUE],
    "read the root": lambda: root[A.VALUE],
    "unwrap as readable": lambda: unwrap({A.SENSITIVE: False, A.EXTRACTABLE: True})[A.VALUE],
    "unwrap with no template": lambda: unwrap({A.SENSITIVE: pkcs11.constants.DEFAULT})[A.VALUE],
    "unwrap exportable": lambda: export_with(own_key(), unwrap({A.EXTRACTABLE: True, A.WRAP_WITH_TRUSTED: False})),
    "re-export with a key of one's own": lambda: export_with(own_key(), unwrap(guarded)),
    "re-export with a key left behind": left_behind_trusted_key,
    "give the root the power to decrypt": decrypt_by_hand,
    "copy the root with the right to decrypt": copied_root,
    "keep it on the token": lambda: unwrap(guarded, store=True)[A.LABEL],
    "derive from it": lambda: unwrap({**guarded, A.DERIVE: True})[A.LABEL],
    "take off the guard": lambda: unwrap(guarded).__setitem__(A.WRAP_WITH_TRUSTED, False),
    "copy without the guard": lambda: unwrap(guarded).copy({A.WRAP_WITH_TRUSTED: False})[A.LABEL],
}
for name, deed in deeds.items():
    try:
        loot = deed()
        print(f"{name}: {loot.hex() if isinstance(loot, bytes) else 'done'}")
    except (pkcs11.PKCS11Error, ValueError) as error:
        print(f"{name}: refused")
"""


def test_a_thief_with_pin_and_blob_gets_nothing_from_a_guarded_root(provider, key, run):
    lines = run(THIEF, Material.parse(key.material).wrapped.hex(), "sealring/root/default-data/1")

    assert len(lines) == 13
    assert [line for line in lines if not line.endswith(": refused")] == []
    assert provider.announcement() == "export guard: enforced by the token"


def test_a_thief_with_pin_and_blob_gets_the_key_from_a_root_without_the_guard(
    config, make_provider, run, context, call
):
    _make_root_of(Guard.NONE, config)
    provider = make_provider(root_domain="bare", allow_unguarded=True)
    key = provider.create_key("key-1", 1, b"scope", DATA, call)
    wrapped = provider.wrap(key, DEK, context, call)

    lines = run(THIEF, Material.parse(key.material).wrapped.hex(), "sealring/root/bare-data/1")

    loot = dict(line.split(": ") for line in lines)
    kek = bytes.fromhex(loot["unwrap as readable"])
    assert loot["unwrap exportable"] == loot["unwrap as readable"]
    assert AESGCM(kek).decrypt(wrapped.blob[:12], wrapped.blob[12:], b"sealring-hsm/v1/dek" + context.aad) == DEK
    assert provider.announcement() == "export guard: by convention only"


def test_the_probe_names_what_succeeded(config, make_provider):
    _make_root_of(Guard.NONE, config)

    report = make_provider(root_domain="bare", allow_unguarded=True).guard_report()

    assert [attempt.name for attempt in report.attempts if attempt.succeeded] == [
        "unwrap a key as readable",
        "wrap a key with an own key",
        "unwrap a key as exportable, and wrap it with an own key",
        "keep an unwrapped key on the token",
        "unwrap a key for derivation",
    ]


def test_a_root_without_the_guard_is_refused_unless_it_is_allowed(config, make_provider, call):
    _make_root_of(Guard.NONE, config)

    with pytest.raises(ConfigInvalid, match=r"by convention only.*allow_unguarded"):
        make_provider(root_domain="bare").create_key("key-1", 1, b"scope", DATA, call)


def test_a_sealed_root_is_enforced_too(config, make_provider, run, context, call):
    _make_root_of(Guard.SEALED, config)
    provider = make_provider(root_domain="bare")
    key = provider.create_key("key-1", 1, b"scope", DATA, call)

    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK
    assert provider.announcement() == "export guard: enforced by the token"
    lines = run(THIEF, Material.parse(key.material).wrapped.hex(), "sealring/root/bare-data/1")
    assert [line for line in lines if not line.endswith(": refused")] == []


def test_a_token_that_is_lost_while_it_is_probed_is_not_taken_for_one_that_refuses(config):
    module = acquire(Setup.of(config))
    with module.alone(float("inf")):
        module.start()
        token = module.token("sealring")
        module.log_in(token, read_pin(config.pin_file))
        session = module.open_session(token)
        root = next(iter(find_roots(session, config).values()))
        thief = _Thief(session, root)
        session.close()

        with pytest.raises(PKCS11Error):
            thief.attempts()
    release(module)


def _make_root_of(guard, config):
    config = replace(config, root_domain="bare")
    module = acquire(Setup.of(config))
    with module.alone(float("inf")):
        module.start()
        officers = Officers(read_pin(config.pin_file), read_pin(so_pin_file(config)))
        names = [RootName(DATA, 1), RootName(KEEP, 1)]
        assert make_roots(module, config, names, officers, (guard,)) == dict.fromkeys(names, guard)
    release(module)
