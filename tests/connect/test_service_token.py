"""The service token: it opens the keyrings that it is for, and nothing else."""

import io

import pytest

from auth.kit import ENVIRONMENT, SetClock, nothing_revoked, verifier
from connect.kit import CEILING, Vault, token
from revocations.commands import new_installation
from sealring import settings
from sealring.auth.revoked import RevokedTokens
from sealring.auth.scoping import Authenticator
from sealring.auth.service_token import WARNING, ServiceToken, WithServiceToken
from sealring.errors import SettingsInvalid
from sealring.observability.logs import Log
from sealring.server.application import make_app
from sealring.server.inheritance import Inheritance
from sealring.table import Table
from support.memory import MemoryAudit
from support.memory_revocations import MemoryRevocations

ENVIRONMENTS = (ENVIRONMENT,)
SECRET = "0123456789abcdef0123456789abcdef"


def parsed(folder, text=SECRET, environments=ENVIRONMENTS, **members):
    path = folder / "service-token"
    path.write_text(text)
    path.chmod(0o600)
    table = {"service_token_file": path.name, "service_token_keyrings": ["ws_1", "org_acme/x"], **members}
    known = {name: value for name, value in table.items() if value is not None}
    return ServiceToken.parse(Table("[connect]", known), folder, environments)


@pytest.fixture
def vault(tmp_path):
    others = Authenticator(verifier(permissions=CEILING), nothing_revoked(), SetClock())
    return Vault(authenticator=WithServiceToken(parsed(tmp_path), others))


def encrypt(vault, ring, bearer=SECRET):
    answer = vault.json("Encrypt", {"keyring": ring, "data": "x"}, bearer=bearer)
    return 200 if answer.status == 200 else answer.json["code"]


def test_it_is_for_the_keyrings_that_are_listed(vault):
    assert [encrypt(vault, ring) for ring in ("ws_1", "org_acme/x")] == [200, 200]


@pytest.mark.parametrize("ring", ["ws_2", "ws_1/x", "ws_", "org_acme", "org_acme/x/y", "", "WS_1"])
def test_it_is_for_no_other_keyring(vault, ring):
    assert encrypt(vault, ring) == "permission_denied"


@pytest.mark.parametrize("bearer", [SECRET[:-1], f"{SECRET}0", SECRET.upper(), "", f"{SECRET}\x00", SECRET[::-1]])
def test_no_other_text_is_taken_for_it(vault, bearer):
    assert encrypt(vault, "ws_1", bearer) in ("unauthenticated", "invalid_argument")


def test_tokens_of_issuers_are_good_beside_it(vault):
    assert encrypt(vault, "org_acme/ring", token()) == 200
    assert encrypt(vault, "ws_1", token()) == "permission_denied"


def test_it_is_refused_as_all_tokens_are_while_nobody_knows_which_are_revoked(tmp_path):
    revoked = RevokedTokens(MemoryRevocations(MemoryAudit()))  # the list is missing
    others = Authenticator(verifier(permissions=CEILING), revoked, SetClock())
    vault = Vault(authenticator=WithServiceToken(parsed(tmp_path), others))

    assert encrypt(vault, "ws_1") == encrypt(vault, "org_acme/ring", token()) == "data_loss"


def test_it_is_off_unless_it_is_set(tmp_path):
    assert ServiceToken.parse(Table("[connect]", {}), tmp_path, ENVIRONMENTS) is None
    assert encrypt(Vault(), "ws_1") == "unauthenticated"


REFUSED = {
    "short": ({"text": SECRET[:-1]}, "at least 32 visible ASCII"),
    "a comma": ({"text": f"{SECRET},"}, "at least 32 visible ASCII"),
    "a blank": ({"text": f"{SECRET} {SECRET}"}, "at least 32 visible ASCII"),
    "not ASCII": ({"text": f"{SECRET}ä"}, "at least 32 visible ASCII"),
    "no keyrings": ({"service_token_keyrings": None}, "service_token_keyrings"),
    "an empty list": ({"service_token_keyrings": []}, "1 to 10000 keyrings"),
    "a name that none has": ({"service_token_keyrings": ["a\x00"]}, "control character"),
    "no file": ({"service_token_file": None}, "service_token_file"),
    "a file that is missing": ({"service_token_file": "nowhere"}, "service_token_file"),
    "an unknown setting": ({"token": "x"}, "token is not a setting"),
    "another environment": ({"service_token_environment": "environment_1"}, "must be one of the issuers'"),
    "no environment": ({"environments": ("environment_a", "environment_b")}, "service_token_environment"),
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=list(REFUSED))
def test_settings_that_cannot_be_meant_are_refused_without_the_token(tmp_path, changes, said):
    with pytest.raises(SettingsInvalid) as refused:
        parsed(tmp_path, **changes)

    assert said in str(refused.value)
    assert SECRET[:-1] not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_others_can_read_is_refused(tmp_path):
    parsed(tmp_path)
    (tmp_path / "service-token").chmod(0o644)
    table = Table("[connect]", {"service_token_file": "service-token", "service_token_keyrings": ["a"]})

    with pytest.raises(SettingsInvalid, match="service_token_file"):
        ServiceToken.parse(table, tmp_path, ENVIRONMENTS)


def test_the_server_warns_of_it_at_start_and_only_vault_v1_takes_it(tmp_path, valkey):
    path, log = new_installation(tmp_path, valkey, 1), io.StringIO()
    with path.open("a") as file:
        file.write('[connect]\nservice_token_file = "service-token"\nservice_token_keyrings = ["ws_1"]\n')
    parsed(tmp_path)
    app = make_app(Inheritance.of(settings.load(path), Log()), Log(log)).test_client()
    bearer = {"Authorization": f"Bearer {SECRET}"}

    sealed = app.post("/vault.v1.VaultService/Encrypt", json={"keyring": "ws_1", "data": "x"}, headers=bearer)
    route = app.post("/sealring/v1/keyrings/ws_1/encrypt", json={"items": {"a": "x"}}, headers=bearer)

    assert (sealed.status_code, route.status_code) == (200, 401)
    assert WARNING in log.getvalue()
    assert SECRET not in log.getvalue()


def test_its_environment_is_named_where_there_are_several(tmp_path):
    named = parsed(tmp_path, environments=("environment_a", "environment_b"), service_token_environment="environment_b")

    assert named.principal.environment == "environment_b"
    assert SECRET not in repr(named)
