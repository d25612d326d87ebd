"""The PKCS#11 attributes of roots and KEKs."""

from __future__ import annotations

from collections.abc import Mapping

from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.attributes import AttributeMapper

from sealring_hsm.material import Guard
from sealring_hsm.native import Template

KEK_BYTES = 32

# What the root forces on every key that is unwrapped with it. Without TOKEN=False, a thief could store an unwrapped KEK
# on the token, where it would outlive its blob; without DERIVE=False, derive a readable key from it.
FORCED: Mapping[Guard, Mapping[Attribute, bool]] = {
    Guard.NONE: {},
    Guard.TRUSTED: {
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: True,
        Attribute.WRAP_WITH_TRUSTED: True,
        Attribute.TOKEN: False,
        Attribute.DERIVE: False,
    },
    Guard.SEALED: {
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.TOKEN: False,
        Attribute.DERIVE: False,
    },
}

_KEK: Mapping[Attribute, object] = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.ENCRYPT: True,
    Attribute.DECRYPT: True,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
    Attribute.SIGN: False,
    Attribute.VERIFY: False,
    Attribute.DERIVE: False,
}


def make_mapper() -> AttributeMapper:
    """Return a mapper that can pack UNWRAP_TEMPLATE, which python-pkcs11 does not support."""
    mapper = AttributeMapper()
    alive: list[Template] = []  # a packed template points to its values

    def pack(attributes: Mapping[Attribute, object]) -> bytes:
        alive.append(_packed(mapper, attributes))
        return bytes(alive[-1].array)

    mapper.register_handler(Attribute.UNWRAP_TEMPLATE, pack, bytes)
    return mapper


def unwrapped_kek(guard: Guard) -> Template:
    """Return the attributes for unwrapping a KEK: what its root forces, and only the right to encrypt and decrypt."""
    return _packed(AttributeMapper(), {**_KEK, **FORCED[guard]})


def new_kek(guard: Guard) -> Template:
    """Return the attributes of a new KEK, which has to be extractable until it is wrapped."""
    trusted: dict[Attribute, object] = {Attribute.WRAP_WITH_TRUSTED: True} if guard is Guard.TRUSTED else {}
    fresh: dict[Attribute, object] = {Attribute.EXTRACTABLE: True, Attribute.VALUE_LEN: KEK_BYTES}
    without_type: dict[Attribute, object] = {
        kind: value for kind, value in _KEK.items() if kind is not Attribute.KEY_TYPE
    }
    return _packed(AttributeMapper(), {**without_type, **trusted, **fresh})


def _packed(mapper: AttributeMapper, attributes: Mapping[Attribute, object]) -> Template:
    return Template({kind: mapper.pack_attribute(kind, value) for kind, value in attributes.items()})
