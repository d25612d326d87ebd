"""Tenancy of vault.v1: every method, and everybody who may call it or may not, with keyrings in the store and in a bucket."""

import pytest

from isolation.acme import organization
from isolation.callers import CALLERS, OWNER
from sealring.domain.principal import Permission

SERVICE = "/vault.v1.VaultService"
USE = Permission.KEYRINGS_USE
RING = f"{OWNER}/of/vault"
METHODS = ("Encrypt", "Decrypt", "EncryptBulk", "DecryptBulk", "ReEncrypt")
STATUSES = {"own": 200, "everywhere": 200, "other": 403, "lacking": 403}  # 401 for the rest
CODES = {401: "unauthenticated", 403: "permission_denied"}

pytestmark = pytest.mark.parametrize("server", ["live", "in_bucket"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def messages(server):
    """What org_acme would send to each method."""
    token = server.token(OWNER)
    sealed = server.ask("POST", f"{SERVICE}/Encrypt", token=token, body={"keyring": RING, "data": "secret of acme"})
    encrypted = sealed.json["encrypted"]
    return {
        "Encrypt": {"keyring": RING, "data": "x"},
        "Decrypt": {"keyring": RING, "encrypted": encrypted},
        "EncryptBulk": {"keyring": RING, "items": {"a": "x"}},
        "DecryptBulk": {"keyring": RING, "items": {"a": encrypted}},
        "ReEncrypt": {"keyring": RING, "encrypted": encrypted},
    }


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_each_caller_gets_the_answer_of_the_table(server, messages, method, caller):
    status = STATUSES.get(caller.__name__, 401)

    answer = server.ask("POST", f"{SERVICE}/{method}", token=caller(server, USE), body=messages[method])

    assert answer.status == status
    assert answer.json.get("code") == CODES.get(status)


@pytest.mark.parametrize("method", METHODS)
def test_the_permission_alone_is_enough(server, messages, method):
    token = server.token(OWNER, permissions=frozenset({USE}))

    assert server.ask("POST", f"{SERVICE}/{method}", token=token, body=messages[method]).status == 200


@pytest.mark.parametrize("method", ["Decrypt", "DecryptBulk", "ReEncrypt"])
def test_a_value_of_another_organization_is_refused_like_garbage(server, messages, method):
    """Under a keyring of one's own: as another's value, as one that no keyring encrypted."""
    beta = organization(server, "org_beta")
    ring = f"{beta.id}/ring"
    assert beta.ask("POST", f"{SERVICE}/Encrypt", {"keyring": ring, "data": "x"}).status == 200

    def asked(encrypted):
        sent = {"items": {"a": encrypted}} if method == "DecryptBulk" else {"encrypted": encrypted}
        return beta.ask("POST", f"{SERVICE}/{method}", {"keyring": ring, **sent})

    theirs, garbage = asked(messages["Decrypt"]["encrypted"]), asked("AAAA")

    assert (theirs.status, theirs.raw) == (garbage.status, garbage.raw)
    assert theirs.json["code"] == "invalid_argument"
