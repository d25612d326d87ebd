"""The search for root keys on the token, by their canaries.

A root is a secret key with the label `sealring/root/<domain>/<epoch>`. On the token a domain is named
`<root_domain>-keep` or `<root_domain>-data`. The canary is the material of a KEK that wraps nothing else: if it opens
and its tag verifies, the root is the one that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pkcs11 import Attribute, ObjectClass
from pkcs11.exceptions import MultipleObjectsReturned
from pkcs11.types import Object, Session

from sealring_hsm.canaries import find_canaries, label_of
from sealring_hsm.client import Client, Root, handle_of
from sealring_hsm.config import HsmConfig
from sealring_hsm.errors import Doubtful
from sealring_hsm.material import Material, RootId
from sealring_plugin import (
    DATA,
    KEEP,
    CiphertextRejected,
    ConfigInvalid,
    ManagedKey,
    RootLost,
    RootName,
    Unsupported,
)

DOMAINS = (DATA, KEEP)


def canary_key(root: RootId) -> ManagedKey:
    return ManagedKey("hsm", label_of(root.domain, root.epoch), 1, b"canary", RootName(root.domain, root.epoch))


def find_roots(session: Session, config: HsmConfig) -> dict[RootName, Root]:
    """Return the roots of both domains. Raises ConfigInvalid if one has no canary; RootLost if one is lost."""
    folder = config.pin_file.parent
    return {
        RootName(domain, epoch): root
        for domain in DOMAINS
        for epoch, root in _roots_of(session, config.domain_of(domain), folder).items()
    }


def newest_of(roots: Mapping[RootName, Root], domain: str) -> RootName:
    """Return the name of a domain's newest root. Raises Unsupported if there is no such domain."""
    epochs = [name.epoch for name in roots if name.domain == domain]
    if not epochs:
        raise Unsupported(f"there are no roots of a domain {domain!r}")
    return RootName(domain, max(epochs))


def _roots_of(session: Session, domain: str, folder: Path) -> dict[int, Root]:
    found = {
        epoch: _root(session, domain, epoch, canary) for epoch, canary in find_canaries(session, domain, folder).items()
    }
    prefix = label_of(domain, 0).removesuffix("0")
    keys = [key for key in _keys(session, {}) if str(key[Attribute.LABEL]).startswith(prefix)]
    if len(keys) > len(found):
        raise ConfigInvalid(
            f"a root key of domain {domain!r} has no canary: its ceremony was interrupted, or the canary was deleted. "
            "If no key was ever made under it, destroy it with the token's tools and run `sealring hsm init-root`"
        )
    if not found:
        raise RootLost(
            f"the token has no root key of domain {domain!r}. For a new installation run `sealring hsm init-root`; "
            "otherwise restore the token from its backup: a new root cannot unwrap what the old one wrapped"
        )
    return found


def root_states(session: Session, client: Client, domain: str, folder: Path) -> list[tuple[int, str]]:
    """Return each epoch that has a canary, and its state as text."""
    return [
        (epoch, _state(session, client, domain, epoch, canary))
        for epoch, canary in sorted(find_canaries(session, domain, folder).items())
    ]


def root_key(session: Session, label: str) -> Object | None:
    """Return the root key object. Raises MultipleObjectsReturned."""
    keys = _keys(session, {Attribute.LABEL: label})
    if len(keys) > 1:
        raise MultipleObjectsReturned
    return keys[0] if keys else None


def check_canary(client: Client, root: Root) -> None:
    """Open the canary. Raises RootLost if it does not open: the root has been replaced, or fails."""
    label = label_of(root.id.domain, root.id.epoch)
    try:
        client.destroy(client.load_kek(root, Material.parse(root.canary), canary_key(root.id)))
    except (CiphertextRejected, Doubtful) as error:
        raise RootLost(
            f"the canary of {label} does not open: the token is broken, or its root was replaced; restore a backup"
        ) from error


def _root(session: Session, domain: str, epoch: int, canary: bytes) -> Root:
    label = label_of(domain, epoch)
    key = root_key(session, label)
    if key is None:
        raise RootLost(f"{label} is not on the token, although its canary exists; restore the token from its backup")
    try:
        made_under = Material.parse(canary).root
    except CiphertextRejected:
        made_under = None
    if made_under is None or (made_under.domain, made_under.epoch) != (domain, epoch):
        raise RootLost(f"the canary of {label} is damaged; restore the token from its backup")
    return Root(made_under, handle_of(key), canary)


def _state(session: Session, client: Client, domain: str, epoch: int, canary: bytes) -> str:
    try:
        root = _root(session, domain, epoch, canary)
        check_canary(client, root)
    except RootLost as error:
        return f"FAULT: {error}"
    return f"ok, guard: {root.id.guard.name.lower()}"


def _keys(session: Session, attributes: dict[Attribute, object]) -> list[Object]:
    only_roots = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.TOKEN: True}
    return list(session.get_objects({**only_roots, **attributes}))
