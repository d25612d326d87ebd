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

# What only some versions can do
DESCRIBE = "describe"  # read the metadata alone
PAGES = "pages"  # go beyond the first page: Python 6 and 7 throw the cursors away
BACK = "back"  # send `before`
FILTERS = "filters"  # order, search, updatedAfter
CHECKED_DELETE = "checked delete"
REKEY = "rekey"
NEWEST = frozenset({DESCRIBE, PAGES, BACK, FILTERS, CHECKED_DELETE, REKEY})


@dataclass(frozen=True)
class Sdk:
    """One version. `driver` speaks its generation of the API; `organization_key` is how its samples spell that."""

    language: str
    version: str
    driver: str
    refusals: Refusals
    abilities: frozenset[str]

    @property
    def id(self) -> str:
        return f"{self.language}-{self.version}"

    @property
    def organization_key(self) -> str:
        return {"python": "organization_id", "node": "organizationId"}[self.language]


SDKS = (
    Sdk("python", "5.46.0", "python_v5.py", PYTHON_5, frozenset({PAGES, BACK})),
    Sdk("python", "7.0.1", "python_v5.py", PYTHON_6, frozenset({DESCRIBE})),
    Sdk("python", "10.8.0", "python_v8.py", PYTHON_6, NEWEST),
    Sdk("node", "7.80.0", "node_v7.mjs", NODE, frozenset({DESCRIBE, PAGES})),
    Sdk("node", "8.13.0", "node_v7.mjs", NODE, frozenset({DESCRIBE, PAGES, BACK})),
    Sdk("node", "11.0.0", "node_v10.mjs", NODE, NEWEST),
)


def every_sdk(*abilities: str) -> pytest.MarkDecorator:
    """Run a test with each version, or with each that has these abilities."""
    able = [sdk for sdk in SDKS if sdk.abilities.issuperset(abilities)]
    return pytest.mark.parametrize("sdk", able, ids=[sdk.id for sdk in able])


def every_pair_of_sdks() -> pytest.MarkDecorator:
    """Run a test with each version as the writer and each as the reader."""
    pairs = [(writer, reader) for writer in SDKS for reader in SDKS]
    ids = [f"{writer.id}-to-{reader.id}" for writer, reader in pairs]
    return pytest.mark.parametrize(("writer", "reader"), pairs, ids=ids)
