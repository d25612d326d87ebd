"""A row of the table of tenancy: what one request must be answered, whoever sends it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A request against what org_acme has. `request` makes (path, body) of it.

    `permission` is what a caller needs, as docs/http-api.md says and whatever the route says; the rest are statuses.
    """

    route: str  # "METHOD rule"
    case: str
    request: object
    permission: str
    own: int
    other: int
    everywhere: int
    no_token: int
    expired: int
    wrong_audience: int
    wrong_issuer: int
    alg_none: int
    alg_hs256: int
    another_key: int
    lacking: int

    @property
    def method(self):
        return self.route.partition(" ")[0]

    def __str__(self):
        return f"{self.route} {self.case}".strip()
