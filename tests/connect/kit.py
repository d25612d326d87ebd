"""The front of vault.v1 on a store in memory, and requests to it."""

import io
import json
import zlib
from dataclasses import dataclass, field

from auth.kit import SetClock, claims, nothing_revoked, sign, verifier
from sealring.admission.guard import Guard
from sealring.auth.scoping import Authenticator
from sealring.connect.vault import vault_front
from sealring.http.bodies import too_large
from sealring.observability.logs import Log
from support.make import limiter, services
from support.stores import memory

ORG = "org_acme"
RING = f"{ORG}/ring"
USE = ["vault:keyrings:use"]
CEILING = [*USE, "vault:objects:read", "vault:all_organizations"]
SERVICE = "/vault.v1.VaultService"


def token(org=ORG, permissions=USE, **more):
    return sign(claims(permissions=permissions, **({} if org is None else {"org_id": org}), **more))


def varint(value):
    """A number in Protocol Buffers."""
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def gzip_of_nothing(size):
    """gzip of about so many bytes without content: blocks with Huffman codes (RFC 1951, section 3.2.7), and their end."""
    header = b"\x1f\x8b\x08" + 6 * b"\x00" + b"\xff"
    return header + size // len(_FOUR_BLOCKS) * _FOUR_BLOCKS + 8 * b"\x00"


def gzip_of_tiny_blocks(pieces):
    """gzip of so many pieces of 1 MiB, which are blocks without content, and a sixteenth of some."""
    stream = zlib.compressobj(1, zlib.DEFLATED, -15)
    content = b"x" * 70_000
    piece = stream.compress(content) + stream.flush(zlib.Z_SYNC_FLUSH)
    piece += (1 << 20) // len(_FOUR_BLOCKS) * _FOUR_BLOCKS
    size = (pieces * len(content)).to_bytes(4, "little")
    header = b"\x1f\x8b\x08" + 6 * b"\x00" + b"\xff"
    return header + pieces * piece + b"\x03\x00" + zlib.crc32(pieces * content).to_bytes(4, "little") + size


_FOUR_BLOCKS = bytes.fromhex(
    "04c081000000000090ff6b100007020000000040feaf41001c080000000000f9bf060170200000000000e4ff1a"
)


@dataclass
class Asked:
    """A Request."""

    path: bytes
    headers: dict
    sent: bytes = field(repr=False)
    method: str = "POST"
    target: str = ""
    query: str = ""
    peer: str = "127.0.0.1"
    reads: int = 0
    reserved: int = 0
    until: float | None = None
    owner: object = None  # of the body

    def header(self, name):
        return self.headers.get(name)

    def body(self, max_bytes=None, owner=None):
        self.owner = owner
        self.reads += 1
        if len(self.sent) > max_bytes:
            raise too_large(max_bytes)
        return self.sent

    def reserve(self, size):
        self.reserved += size

    def answer_by(self, until, late):
        self.until = until


@dataclass
class Told:
    """What the front answered."""

    status: int
    headers: dict
    body: bytes = field(repr=False)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def refusal(self):
        assert self.headers.get("Content-Type", "application/json") == "application/json"
        return self.status, self.json["code"]


class Vault:
    """A front. `log` is what it logged."""

    def __init__(self, keyrings=None, authenticator=None, limits=None, **rules):
        self.log = io.StringIO()
        self.services = services(memory(), **rules)
        authenticator = authenticator or Authenticator(verifier(permissions=CEILING), nothing_revoked(), SetClock())
        guard = Guard(authenticator, bytes, limits or limiter())
        self.front = vault_front(keyrings or self.services.keyrings, guard, Log(self.log))
        self.token = token()

    def asked(self, method, sent, headers=None, *, bearer=None):
        base = {
            "authorization": f"Bearer {self.token if bearer is None else bearer}",
            "content-type": "application/json",
        }
        return Asked(f"{SERVICE}/{method}".encode(), {**base, **(headers or {})}, sent)

    def answer(self, asked):
        reply = self.front.posts[asked.path.decode()](asked, {}, "request-1")
        return Told(reply.status, {"Content-Type": reply.content_type, **dict(reply.headers)}, reply.body)

    def raw(self, method, sent, headers=None, **asked):
        return self.answer(self.asked(method, sent, headers, **asked))

    def json(self, method, members, headers=None, **asked):
        return self.raw(method, json.dumps(members).encode(), headers, **asked)


PROTO = {"content-type": "application/proto"}
ENCRYPT = {"keyring": RING, "data": "a secret"}
