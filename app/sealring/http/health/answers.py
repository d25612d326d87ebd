"""The answers of the health routes, as schemas."""

from __future__ import annotations

from marshmallow import fields

from sealring.http.schemas import Answer


class Health(Answer):
    status = fields.String(required=True, metadata={"enum": ["alive"], "examples": ["alive"]})


class Passing(Answer):
    status = fields.String(required=True, metadata={"enum": ["ok", "fail", "not started"], "examples": ["ok"]})
    checks = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "The code of each failure, if there is one."},
    )


class Checks(Answer):
    """`ok`, or the code of the failure."""

    store = fields.String(required=True, metadata={"examples": ["ok", "store_lost"]})
    keys = fields.String(required=True, metadata={"examples": ["ok", "kms_unavailable"]})
    revocations = fields.String(required=True, metadata={"examples": ["ok", "integrity_failure"]})
    keyrings = fields.String(
        metadata={"description": "Only if keyrings are in a bucket.", "examples": ["ok", "store_unavailable"]}
    )


class Startup(Answer):
    status = fields.String(required=True, metadata={"enum": ["started", "starting"], "examples": ["started"]})
    failed = fields.Dict(keys=fields.String(), values=fields.String(), metadata={"examples": [{"store": "store_lost"}]})
    settings = fields.String(metadata={"description": "Only if the last reload of the settings was refused."})


class Readiness(Answer):
    status = fields.String(required=True, metadata={"enum": ["ready", "not ready"], "examples": ["ready"]})
    failed = fields.Dict(keys=fields.String(), values=fields.String(), metadata={"examples": [{"store": "store_lost"}]})
    settings = fields.String(metadata={"description": "Only if the last reload of the settings was refused."})
    checks = fields.Nested(Checks, metadata={"description": "Only with `verbose`."})
    durability = fields.String(
        metadata={
            "description": "What acknowledged writes survive, as determined at start; only with `verbose`.",
            "enum": ["strong", "single", "best effort"],
            "examples": ["single"],
        }
    )
