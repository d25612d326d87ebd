"""The probe of the export guard, which tries to export a KEK as a thief with the PIN and a wrapped KEK would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import PKCS11Error
from pkcs11.types import Object, SecretKey, Session

from sealring_hsm.attributes import FORCED
from sealring_hsm.canaries import label_of
from sealring_hsm.client import Root
from sealring_hsm.config import WRAP_MECHANISMS
from sealring_hsm.errors import LOST, named
from sealring_hsm.material import Material
from sealring_hsm.roots import root_key
from sealring_plugin import RootLost

_READABLE = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}


class Grade(StrEnum):
    """What prevents the export of a KEK from the token."""

    ENFORCED = "enforced by the token"
    CONVENTION = "by convention only"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of the probe. `exports`: whether success exports a KEK; the report also has attempts that do not."""

    name: str
    succeeded: bool
    exports: bool = True


@dataclass(frozen=True, slots=True)
class GuardReport:
    """The findings of the probe."""

    attempts: tuple[Attempt, ...]

    @classmethod
    def of(cls, reports: Sequence[GuardReport]) -> Self:
        """Return the report on several roots: an attempt succeeded if it succeeded on one of them."""
        each = zip(*(report.attempts for report in reports), strict=True)
        return cls(tuple(replace(same[0], succeeded=any(one.succeeded for one in same)) for same in each))

    @property
    def grade(self) -> Grade:
        broken = any(attempt.succeeded and attempt.exports for attempt in self.attempts)
        return Grade.CONVENTION if broken else Grade.ENFORCED


def probe_guard(session: Session, root: Root) -> GuardReport:
    """Try to export the canary's KEK, and leave nothing on the token. Raises RootLost if the root is missing."""
    return GuardReport(_Thief(session, root).attempts())


class _Thief:
    def __init__(self, session: Session, root: Root) -> None:
        self._session = session
        self._label = label_of(root.id.domain, root.id.epoch)
        self._material = Material.parse(root.canary)
        self._guard = root.id.guard
        key = root_key(session, self._label)
        if not isinstance(key, SecretKey):
            raise RootLost(f"{self._label} is not on the token; restore it from its backup")
        self._root: Any = key  # python-pkcs11 has no types for wrapping
        self._loot: list[Object] = []

    def attempts(self) -> tuple[Attempt, ...]:
        try:
            return (
                self._attempt("read the root", self._read_root),
                self._attempt("change the root", self._change_root),
                self._attempt("copy the root with the right to decrypt", self._copy_root),
                self._attempt("read an unwrapped key", self._read_unwrapped),
                self._attempt("unwrap a key as readable", self._unwrap_readable),
                self._attempt("wrap a key with an own key", self._wrap_with_own_key),
                self._attempt("unwrap a key as exportable, and wrap it with an own key", self._wrap_exportable),
                self._attempt("wrap a key with an own trusted key", self._wrap_with_trusted_key),
                self._attempt("keep an unwrapped key on the token", self._keep_on_token, exports=False),
                self._attempt("unwrap a key for derivation", self._unwrap_to_derive, exports=False),
            )
        finally:
            for key in self._loot:
                key.destroy()

    def _attempt(self, name: str, deed: Callable[[], object], *, exports: bool = True) -> Attempt:
        try:
            deed()
        except PKCS11Error as error:
            if isinstance(named(error), LOST):
                raise
            return Attempt(name, succeeded=False, exports=exports)
        return Attempt(name, succeeded=True, exports=exports)

    def _read_root(self) -> None:
        self._root[Attribute.VALUE]

    def _change_root(self) -> None:
        self._root[Attribute.LABEL] = self._label  # the same value; if this can be written, so can DECRYPT

    def _copy_root(self) -> None:
        powers = {Attribute.TOKEN: False, Attribute.DECRYPT: True}
        self._loot.append(self._root.copy(powers))

    def _read_unwrapped(self) -> None:
        self._unwrap({**FORCED[self._guard], Attribute.SENSITIVE: True})[Attribute.VALUE]

    def _unwrap_readable(self) -> None:
        self._unwrap(_READABLE)[Attribute.VALUE]

    def _wrap_with_own_key(self) -> None:
        self._wrap(self._own_key(), self._unwrap(FORCED[self._guard] or {Attribute.EXTRACTABLE: True}))

    def _wrap_exportable(self) -> None:
        exportable = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: True, Attribute.WRAP_WITH_TRUSTED: False}
        self._wrap(self._own_key(), self._unwrap(exportable))

    def _wrap_with_trusted_key(self) -> None:
        own = self._own_key()
        own[Attribute.TRUSTED] = True  # not in generate_key: SoftHSM 2.6.1 refuses that, but leaves the key behind
        self._wrap(own, self._unwrap(FORCED[self._guard] or {Attribute.EXTRACTABLE: True}))

    def _keep_on_token(self) -> None:
        self._unwrap({**FORCED[self._guard], Attribute.TOKEN: True})

    def _unwrap_to_derive(self) -> None:
        self._unwrap({**FORCED[self._guard], Attribute.DERIVE: True})

    def _own_key(self) -> SecretKey:
        key = self._session.generate_key(KeyType.AES, 256, capabilities=MechanismFlag.WRAP | MechanismFlag.UNWRAP)
        self._loot.append(key)
        return key

    def _unwrap(self, template: Mapping[Attribute, bool]) -> Object:
        key: Object = self._root.unwrap_key(
            ObjectClass.SECRET_KEY,
            KeyType.AES,
            self._material.wrapped,
            mechanism=Mechanism(WRAP_MECHANISMS[self._material.wrap_mechanism]),
            capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
            template=dict(template),
        )
        self._loot.append(key)
        return key

    def _wrap(self, wrapping: Any, key: Object) -> None:
        wrapping.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP)
