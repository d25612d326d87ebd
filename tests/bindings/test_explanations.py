"""Who has to act, as an explanation says it: by what failed, and not by whose key it is."""

import pytest

import sealring_plugin as api
from sealring.http import render_bindings as render
from support.make import caller


def told(world, record):
    explained = world.use.explanations.explain(caller(record.org), str(record.id))
    return [(key["state"], key["who_must_act"]) for key in render.explanation(explained)["keys"]]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (None, ("usable", None)),
        (api.AccessDenied(), ("cmk_access_denied", "key owner")),
        (api.KeyDisabled(), ("cmk_disabled", "key owner")),
        (api.WrongRegion(), ("cmk_misconfigured", "key owner")),
        (api.ConfigInvalid("our credentials have expired"), ("cmk_misconfigured", "operator")),
        (api.Unavailable("our token was refused"), ("kms_unavailable", "operator")),
        (api.CiphertextRejected(), ("integrity_failure", "operator")),
        (api.ContextMismatch(), ("integrity_failure", "operator")),
        (RuntimeError(), ("plugin_fault", "operator")),
    ],
)
def test_whoever_can_mend_it_has_to_act(world, failure, expected):
    world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.kms["key_abc"].failure = failure

    assert told(world, record) == [expected]
