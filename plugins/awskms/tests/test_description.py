"""Every state that KMS has is told as one of the contract's."""

import pytest
from botocore.session import Session

from sealring_awskms.description import Metadata
from sealring_plugin import KeyState, Unavailable

STATES = {
    "Enabled": KeyState.ENABLED,
    "Updating": KeyState.ENABLED,
    "PendingDeletion": KeyState.PENDING_DELETION,
    "PendingReplicaDeletion": KeyState.PENDING_DELETION,
    "Creating": KeyState.DISABLED,
    "Disabled": KeyState.DISABLED,
    "PendingImport": KeyState.DISABLED,
    "Unavailable": KeyState.DISABLED,
}


def described(**told):
    return Metadata.of({"KeyMetadata": told}).description("eu-west-1")


def test_the_states_are_those_of_the_service_model():
    model = Session().get_service_model("kms")

    assert set(model.shape_for("KeyState").enum) == STATES.keys()


@pytest.mark.parametrize(("told", "state"), STATES.items())
def test_a_state_is_told_as_what_it_means(told, state):
    assert described(KeyState=told).state is state


@pytest.mark.parametrize(
    ("origin", "protection"),
    [
        ("AWS_KMS", "hsm"),
        ("EXTERNAL", "hsm, imported"),
        ("AWS_CLOUDHSM", "cloudhsm"),
        ("EXTERNAL_KEY_STORE", "external"),
    ],
)
def test_where_the_key_is_held_is_told(origin, protection):
    assert described(Origin=origin).protection == protection


def test_the_material_of_a_key_is_its_version():
    assert described(CurrentKeyMaterialId="a1b2").versions == ("a1b2",)
    assert described().versions == ()


@pytest.mark.parametrize("answer", [{}, {"KeyMetadata": None}, {"KeyMetadata": "text"}])
def test_a_description_that_is_none_is_unavailable(answer):
    with pytest.raises(Unavailable):
        Metadata.of(answer)
