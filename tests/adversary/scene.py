"""Two processes on one real store, and the keys of their customers: one is taken step by step, the other acts."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from adversary.stepper import Stepper
from bindings.conftest import World, world_on
from sealring.domain.ids import uuid_text
from sealring.domain.principal import Caller
from sealring.errors import SealringError
from sealring.store.connection.links import Links
from support import stores
from support.make import caller, context, principal

_numbers = itertools.count(1)


@dataclass
class Scene:
    """`watched` takes steps that `stepper` counts; `rival` is another process, whose requests are no steps."""

    stepper: Stepper
    watched: World
    rival: World
    links: Links  # of no process: to look at what is stored, and to write what nobody should
    partitions: int

    def organization(self) -> "Organization":
        """A new one."""
        return Organization(self, f"org_{next(_numbers)}")

    def epochs(self) -> dict[bytes, bytes]:
        """Every epoch in the store, by its key."""
        keys = sorted(self.links.scan(b"s1:{*}:g*"))
        return dict(zip(keys, self.links.call(*((b"GET", key) for key in keys)), strict=True)) if keys else {}

    def forget_epochs(self) -> None:
        for key in self.epochs():
            self.links.call((b"DEL", key))


@contextmanager
def scene_on(url: str, *, partitions: int = 4, follows: Scene | None = None) -> Iterator[Scene]:
    """Empties the store first; one that follows another scene finds what that one stored, and its customers' keys."""
    stepper, kms = Stepper(), {} if follows is None else follows.watched.kms
    everyones = links, watched, others = Links.to(url), stepper.links(url), Links.to(url)
    if follows is None:
        links.call((b"FLUSHALL",))
    one, other = (world_on(stores.on_links(each, partitions), kms) for each in (watched, others))
    stepper.watch(one.gateway)
    yield Scene(stepper, one, other, links, partitions)
    for each in everyones:
        each.close()


@dataclass
class Organization:
    """One organization of a scene."""

    scene: Scene
    id: str
    hurried: bool = False

    @property
    def partition(self) -> int:
        return self.scene.rival.seal(self.id, name=f"name {next(_numbers)}").id.partition

    @property
    def caller(self) -> Any:
        """Who makes one request; it has all the time of the world unless the organization is in a hurry."""
        return Caller(principal(self.id), "request-1") if self.hurried else caller(self.id)

    def context(self, **pairs: str) -> Any:
        return context(organization_id=self.id, **pairs)

    def bind(self, key: str = "key_one", **options: Any) -> Any:
        """The other process binds a key, and it guards."""
        return self.scene.rival.bind(self.id, key, **options)

    def replace(self, binding: Any) -> Any:
        return self.bind("key_two", replaces=uuid_text(binding.id))

    def turn(self, binding: Any, method: str) -> Any:
        """The other process turns a binding."""
        return self.scene.rival.turn(binding, method)

    def object(self, **pairs: str) -> Any:
        """The watched process seals an object, and so knows the bindings as they are."""
        return self.scene.watched.seal(self.id, name=f"name {next(_numbers)}", **pairs)

    def data_key(self, **pairs: str) -> Any:
        """The watched process makes a data key, and so knows the bindings as they are."""
        return self.scene.watched.use.data_keys.create(self.caller, self.context(**pairs))

    def neighbour(self) -> None:
        """Another thread of the watched process asks for a data key: whatever they share is now as new as can be."""
        with suppress(SealringError):
            self.data_key()
