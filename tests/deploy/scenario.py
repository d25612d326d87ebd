"""What a user does with the Python SDK, from the first object to a deleted one, each answer checked."""

import pytest

from sdk.driver import Refused, Vault, driver
from sdk.environments import CACHE, command_of
from sdk.versions import SDKS

SDK = next(each for each in SDKS if each.id == "python-10.8.0")


def walk_through(url, token, org, log):
    """Raises AssertionError if an answer is not the one of the documentation."""
    with driver(command_of(SDK, print), url, CACHE / SDK.id, log) as process:
        _walk(Vault(process, token), {"organization_id": org})


def _walk(vault, context):
    made = vault.create(name="db/prod/password", value="wörld 🔑\n", context=context)
    assert vault.read(made["id"])["value"] == "wörld 🔑\n"
    assert vault.read_by_name("db/prod/password")["id"] == made["id"]
    with pytest.raises(Refused) as taken:
        vault.create(name="db/prod/password", value="x", context=context)
    assert taken.value.kind == SDK.refusals.conflict

    updated = vault.update(made["id"], value="moon", version_check=made["version_id"])
    assert [each["id"] for each in vault.versions(made["id"])] == [
        updated["metadata"]["version_id"],
        made["version_id"],
    ]
    assert [row["name"] for row in vault.walk()] == ["db/prod/password"]

    pair = vault.create_data_key(context)
    assert vault.decrypt_data_key(pair["encrypted_keys"])["data_key"] == pair["data_key"]
    assert vault.decrypt(vault.encrypt("world", context, "row 7"), "row 7") == "world"

    with pytest.raises(Refused) as foreign:
        vault.create(name="x", value="x", context={"organization_id": "org_of_another"})
    assert foreign.value.kind == SDK.refusals.forbidden

    vault.delete(made["id"])
    with pytest.raises(Refused) as gone:
        vault.read(made["id"])
    assert gone.value.kind == SDK.refusals.not_found
