"""Writes that can be sent again."""

from dataclasses import replace

from sealring.domain.idempotency import IdempotentRequest
from support.make import ACME, ENVIRONMENT, caller, context
from support.stores import KEYS


def sends(request, *, name="", place="POST /kv", who=None):
    """A caller who sends a request of these bytes; under a name of its own, where it has one."""
    who = who or caller(ACME)
    return replace(
        who,
        idempotent=IdempotentRequest(
            ENVIRONMENT, who.principal.actor, name, place.encode(), KEYS.fingerprint(request.encode())
        ),
    )


def create(use, who, name="name", **pairs):
    return use.objects.create(who, name=name, value="v", context=context(**pairs))
