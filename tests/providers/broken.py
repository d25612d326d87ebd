"""A provider that does what it is told, and a gateway to it."""

import time
from dataclasses import replace

from sealring.providers.gateway import Gateway, Wrapping, call_for
from sealring.providers.instances import Source
from sealring_plugin import CustomersKey, Purpose, WrapContext

KEY = CustomersKey("broken", "key-1", 1)
CONTEXT = WrapContext({}, b"aad")


class Broken:
    """A provider that does what it is told."""

    def __init__(self, act):
        self.act = act
        self.closed = 0

    def wrap(self, key, dek, context, call):
        return self.act()

    def unwrap(self, wrapped, key, context, call):
        return self.act()

    def close(self):
        self.closed += 1


def raising(error):
    def act():
        raise error

    return act


def gateway_to(build, *, waits=False, threads=16):
    return Gateway({}, {"broken": Source(build, waits)}, threads=threads)


def wrap(gateway, key=KEY):
    return gateway.wrap([Wrapping(key, bytearray(32), CONTEXT)], a_call())[0]


def a_call(within_s=3.0):
    return replace(
        call_for(tenant="org_acme", request_id="request-1", purpose=Purpose.ENCRYPT),
        deadline=time.monotonic() + within_s,
    )
