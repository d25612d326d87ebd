"""The answer of the portal's route, as a schema."""

from __future__ import annotations

from marshmallow import fields

from sealring.http.schemas import Answer


class PortalLink(Answer):
    link = fields.String(
        required=True,
        metadata={
            "description": "For the customer's administrator: it is valid for five minutes, unless the settings say "
            "otherwise, and for one use.",
            "examples": ["https://keys.example.com/portal?token=AAUqVh2p0xk3W6yHkq7Vw1y5mJ9c0pQe3rT8uZbNdLfXsA"],
        },
    )
