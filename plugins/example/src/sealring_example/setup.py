"""What a key's owner has to do to let us in; the portal makes its pages of it."""

from __future__ import annotations

from sealring_plugin import PolicyNote, Recipe, Screen, SetupGuide, SetupPart, SetupStep

_US = "sealring"  # what the KMS calls whoever has our token


def guide(principal: str, organization_id: str) -> SetupGuide:
    policy = f"allow {principal or _US} to use KEY for organization_id {organization_id}"
    return SetupGuide(
        steps=("Make a key.", "Add the policy to the policy of the key.", "Bind the key by its name."),
        policy=policy,
        create=SetupPart(
            (SetupStep("Make a key in the console.", Screen("Keys", (("Name", "sealring"),), "Make")),),
            (Recipe("Command line", "kms make sealring\n"),),
        ),
        grant=SetupPart(
            (SetupStep("Add the line below to the policy of the key.", Screen("sealring > Policy", (), "Save")),),
            (Recipe("Command line", f"kms policy add sealring '{policy}'\n"),),
        ),
        notes=(PolicyNote(f"for organization_id {organization_id}", "The KMS refuses data of anybody else."),),
    )
