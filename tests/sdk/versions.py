"""The versions of the official SDKs that the server promises to serve, and what differs between them."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest


class Refusals(NamedTuple):
    """The classes of an SDK's exceptions, by what the server answered; `tampered` is raised by its own cryptography."""

    unauthenticated: str
    forbidden: str
    not_found: str
    conflict: str
    invalid: str
    tampered: str


PYTHON_5 = Refusals(
    unauthenticated="AuthenticationException",
    forbidden="AuthorizationException",
    not_found="NotFoundException",
    conflict="ConflictException",
    invalid="BadRequestException",
    tampered="InvalidTag",
)
PYTHON_6 = Refusals(
    unauthenticated="AuthenticationError",
    forbidden="AuthorizationError",
    not_found="NotFoundError",
    conflict="ConflictError",
    invalid="UnprocessableEntityError",
    tampered="InvalidTag",
)
NODE = Refusals(
    unauthenticated="UnauthorizedException",
    forbidden="OauthException",  # whatever has `error` in its body and no class of its own
    not_found="NotFoundException",
    conflict="ConflictException",
    invalid="UnprocessableEntityException",
    tampered="OperationError",
)

GO_6 = Refusals(
    unauthenticated="HTTPError(401)",
    forbidden="HTTPError(403)",
    not_found="HTTPError(404)",
    conflict="HTTPError(409)",
    invalid="HTTPError(422)",
    tampered="*errors.errorString",
)
KOTLIN_7 = Refusals(
    unauthenticated="UnauthorizedException",
    forbidden="WorkOSGenericException(403)",
    not_found="NotFoundException",
    conflict="WorkOSGenericException(409)",
    invalid="UnprocessableEntityException",
    tampered="AEADBadTagException",
)
RUST_3 = Refusals(
    unauthenticated="Api(401)",
    forbidden="Api(403)",
    not_found="Api(404)",
    conflict="Api(409)",
    invalid="Api(422)",
    tampered="VaultCrypto",
)

# What only some versions can do
DESCRIBE = "describe"  # read the metadata alone
PAGES = "pages"  # go beyond the first page: Python 6 and 7 throw the cursors away
BACK = "back"  # send `before`
FILTERS = "filters"  # order, search, updatedAfter
CHECKED_DELETE = "checked delete"
REKEY = "rekey"
ANY_VALUE = "any value"  # send a key context that holds something else than texts
SHARED_LAYOUT = "shared layout"  # encrypt as all the others do: Rust alone has a layout of its own
REPEATS = "repeats"  # send a write again by itself, where its answer is lost
REPEATS_CREATES = "repeats creates"  # and give each create a key for that
NEWEST = frozenset({DESCRIBE, PAGES, BACK, FILTERS, CHECKED_DELETE, REKEY})
OPEN = frozenset({ANY_VALUE, SHARED_LAYOUT})

LOST = b""  # the connection breaks in place of the answer
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"  # of a proxy that lost it


@dataclass(frozen=True)
class Sdk:
    """One version. `driver` speaks its generation of the API; `organization_key` is how its samples spell that."""

    language: str
    version: str
    driver: str
    refusals: Refusals
    abilities: frozenset[str]
    repeats_after: bytes = LOST  # what is there in place of the answer

    @property
    def id(self) -> str:
        return f"{self.language}-{self.version}"

    @property
    def organization_key(self) -> str:
        return "organizationId" if self.language == "node" else "organization_id"


SDKS = (
    Sdk("python", "5.46.0", "python_v5.py", PYTHON_5, OPEN | {PAGES, BACK}),
    Sdk("python", "7.0.1", "python_v5.py", PYTHON_6, OPEN | {DESCRIBE, REPEATS, REPEATS_CREATES}),
    Sdk("python", "10.8.0", "python_v8.py", PYTHON_6, OPEN | NEWEST | {REPEATS, REPEATS_CREATES}),
    Sdk("node", "7.80.0", "node_v7.mjs", NODE, OPEN | {DESCRIBE, PAGES, REPEATS}),
    Sdk("node", "8.13.0", "node_v7.mjs", NODE, OPEN | {DESCRIBE, PAGES, BACK, REPEATS}),
    Sdk("node", "11.0.0", "node_v10.mjs", NODE, OPEN | NEWEST | {REPEATS, REPEATS_CREATES}),
    Sdk("go", "6.4.0", "go_v6.go", GO_6, OPEN | {DESCRIBE, PAGES, BACK, REPEATS}, BAD_GATEWAY),
    Sdk("kotlin", "7.2.0", "kotlin_v7.java", KOTLIN_7, NEWEST | {SHARED_LAYOUT, REPEATS}),
    Sdk("rust", "3.5.0", "rust_v3.rs", RUST_3, NEWEST),
)
SLOW = frozenset({"rust"})  # their installation takes minutes


def every_sdk(*abilities: str, without: str | None = None) -> pytest.MarkDecorator:
    """Run a test with each version, or with each that has these abilities, and lacks one."""
    able = [sdk for sdk in SDKS if sdk.abilities.issuperset(abilities) and without not in sdk.abilities]
    return pytest.mark.parametrize("sdk", [_param(sdk.id, sdk) for sdk in able])


def every_pair_of_sdks() -> pytest.MarkDecorator:
    """Run a test with each version as the writer and each as the reader, of those that have a layout in common."""
    pairs = [
        (writer, reader)
        for writer in SDKS
        for reader in SDKS
        if writer is reader or {SHARED_LAYOUT} <= writer.abilities & reader.abilities
    ]
    params = [_param(f"{writer.id}-to-{reader.id}", writer, reader) for writer, reader in pairs]
    return pytest.mark.parametrize(("writer", "reader"), params)


def _param(name, *sdks):
    slow = any(sdk.language in SLOW for sdk in sdks)
    marks = [pytest.mark.torture, pytest.mark.timeout(1800)] if slow else []
    return pytest.param(*sdks, id=name, marks=marks)
