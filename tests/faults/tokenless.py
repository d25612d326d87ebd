"""The server without operation tokens: after a lost answer it reads again and decides anew, as the usual loop does.

The tests that look for lies have to find them here. It is a WSGI entry point of its own, never an option of the product.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sealring.errors import NameTaken
from sealring.http.dispatch import Server
from sealring.server import wsgi
from sealring.store import objects
from sealring.store.connection.link import Link
from sealring.store.connection.links import Links
from sealring.store.objects import RedisObjects
from sealring.store.schema.records import Records
from sealring.store.transaction import Settled, Try, transact

Patch = Callable[[Any, str, Any], None]


def create_app() -> Server:
    forget_tokens()
    return wsgi.create_app()


def forget_tokens(patch: Patch = setattr) -> None:
    """Let the store take each write of its own for somebody else's."""
    decode = Records.decode_object
    patch(Records, "decode_object", lambda *of: replace(decode(*of), operation=b""))
    patch(RedisObjects, "_recalled", lambda *_: None)
    patch(RedisObjects, "_was_followed", lambda *_: False)
    patch(objects, "transact", _transact)


def _transact(links: Links, key: bytes, attempt: Try[Any]) -> Any:
    def decide_anew(link: Link, lost: Sequence[Any]) -> Any:
        step = attempt(link, lost)
        if isinstance(step, Settled):  # a create's: who does not know its object sees a name that is taken
            raise NameTaken
        return step

    return transact(links, key, decide_anew)
