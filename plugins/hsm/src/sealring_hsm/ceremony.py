"""The ceremony that makes a root key with the strongest export guard that the token supports.

It never replaces a root. SoftHSM lets only the security officer set TRUSTED, and only on public objects. So the officer
makes the key as a public session object, the user copies it to a private token object, and the original is destroyed.
The copy is not modifiable: otherwise on SoftHSM the user PIN could set DECRYPT on the root, and decrypt wrapped KEKs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from pkcs11 import Attribute, KeyType, MechanismFlag
from pkcs11.exceptions import PinIncorrect, PinLenRange, PinLocked, PKCS11Error
from pkcs11.types import Object, SecretKey, Session, Token

from sealring_hsm.attributes import FORCED
from sealring_hsm.canaries import find_canaries, keep_canary, label_of
from sealring_hsm.client import Client, Root, handle_of
from sealring_hsm.config import HsmConfig, IvMode
from sealring_hsm.errors import named, translated
from sealring_hsm.material import ROOT_ID_BYTES, Guard, RootId
from sealring_hsm.module import Module
from sealring_hsm.roots import canary_key, check_canary, root_key
from sealring_plugin import ConfigInvalid, RootName

ROOT_BITS = 256


@dataclass(frozen=True, slots=True)
class Officers:
    """The PINs of a ceremony. A TRUSTED root needs the security officer's PIN."""

    user_pin: str
    so_pin: str | None = None

    def __repr__(self) -> str:
        return "Officers(...)"


def guards_for(config: HsmConfig, officers: Officers) -> Sequence[Guard]:
    """Return the guards to try, the strongest first."""
    trusted = () if officers.so_pin is None else (Guard.TRUSTED,)
    return (*trusted, Guard.SEALED, *((Guard.NONE,) if config.allow_unguarded else ()))


def make_roots(
    module: Module, config: HsmConfig, names: Sequence[RootName], officers: Officers, guards: Sequence[Guard]
) -> Mapping[RootName, Guard]:
    """Make roots, each with its canary, and return their guards.

    Raises ConfigInvalid, and makes no root, if one of them exists or its canary does; ProviderError if the token
    refuses. This process must not be logged in to the token.
    """
    try:
        token = module.token(config.token_label)
        _refuse_existing(module, token, config, names, officers)
        return {name: _make(module, token, config, name, officers, guards) for name in names}
    except PKCS11Error as error:
        raise translated(named(error)) from error


def _make(  # noqa: PLR0913, PLR0917
    module: Module, token: Token, config: HsmConfig, name: RootName, officers: Officers, guards: Sequence[Guard]
) -> Guard:
    refusals: list[PKCS11Error] = []
    for guard in guards:
        root = RootId(config.domain_of(name.domain), name.epoch, os.urandom(ROOT_ID_BYTES), guard)
        ceremony = _Ceremony(module, token, config, root)
        try:
            ceremony.run(officers)
        except PKCS11Error as error:
            refusals.append(named(error))
        else:
            return guard
    raise refusals[0]


def _refuse_existing(
    module: Module, token: Token, config: HsmConfig, names: Sequence[RootName], officers: Officers
) -> None:
    with closing(token.open(rw=True, user_pin=officers.user_pin, attribute_mapper=module.mapper)) as session:
        for name in names:
            domain = config.domain_of(name.domain)
            label = label_of(domain, name.epoch)
            if root_key(session, label) is not None:
                raise ConfigInvalid(f"{label} exists on the token; a root is never replaced")
            if name.epoch in find_canaries(session, domain, config.pin_file.parent):
                raise ConfigInvalid(f"{label} is lost: only its canary exists. Restore the token from its backup")


class _Ceremony:
    def __init__(self, module: Module, token: Token, config: HsmConfig, root: RootId) -> None:
        self._module = module
        self._token = token
        self._config = config
        self._root = root
        self._label = label_of(root.domain, root.epoch)

    def run(self, officers: Officers) -> None:
        mapper = self._module.mapper
        with closing(self._module.open_session(self._token)) as session:
            original = self._by_the_officer(session, officers) if self._root.guard is Guard.TRUSTED else None
            with closing(self._token.open(rw=True, user_pin=officers.user_pin, attribute_mapper=mapper)) as user:
                root = self._generated(user) if original is None else self._copied(original)
                try:
                    self._add_canary(user, root)
                except BaseException:
                    root.destroy()  # it has not wrapped a key
                    raise

    def _by_the_officer(self, session: Session, officers: Officers) -> SecretKey:
        try:
            officer = self._token.open(rw=True, so_pin=officers.so_pin)
        except (PinIncorrect, PinLocked, PinLenRange) as error:
            raise ConfigInvalid("the token refuses the security officer's PIN") from error
        with closing(officer):
            return self._generate(session, store=False, more={Attribute.PRIVATE: False, Attribute.TRUSTED: True})

    def _copied(self, original: SecretKey) -> Object:
        copy = original.copy({Attribute.TOKEN: True, Attribute.PRIVATE: True, Attribute.MODIFIABLE: False})
        original.destroy()
        return copy

    def _generated(self, session: Session) -> Object:
        return self._generate(session, store=True, more={Attribute.PRIVATE: True, Attribute.MODIFIABLE: False})

    def _generate(self, session: Session, *, store: bool, more: dict[Attribute, object]) -> SecretKey:
        forced = FORCED[self._root.guard]
        template: dict[Attribute, object] = {
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            **({Attribute.UNWRAP_TEMPLATE: forced} if forced else {}),
            **more,
        }
        return session.generate_key(
            KeyType.AES,
            ROOT_BITS,
            id=self._label.encode(),  # NSS replaces a key by another one with the same id
            label=self._label,
            store=store,
            capabilities=MechanismFlag.WRAP | MechanismFlag.UNWRAP,
            template=template,
        )

    def _add_canary(self, session: Session, key: Object) -> None:
        client = Client(self._module.cryptoki, handle_of(session), IvMode(self._config.iv_mode))
        root = Root(self._root, handle_of(key), b"")
        canary = client.create_kek(root, self._config.wrap_mechanism, canary_key(self._root))
        check_canary(client, Root(self._root, handle_of(key), canary))
        folder = self._config.pin_file.parent
        keep_canary(session, self._root.domain, self._root.epoch, canary, folder)
