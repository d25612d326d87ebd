"""Each organization's keys are used as its own account, which we become from credentials of our own."""

import json
from dataclasses import replace

import pytest
from fake_google.iam import CLOUD_KMS

from sealring_plugin import AccessDenied, ConfigInvalid, Unavailable

KEY = "projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys/secrets"
ACCOUNT = "sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com"
GLOBEX = "sealring-b3wgopdgqpks26aeru2l@vault-prod.iam.gserviceaccount.com"
OWNERS = "vault-vvwmhpalytvmiy4pfev7@acme-keys.iam.gserviceaccount.com"
DEK = bytes(range(32))


@pytest.fixture
def work(key, context, call):
    def work(provider, key=key):
        return provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK

    return work


def test_a_token_is_made_once_and_used_many_times(google, provider, work):
    for _ in range(3):
        assert work(provider)

    assert google.iam.made == [ACCOUNT]
    assert len(google.calls("/token")) == 1


def test_a_token_is_good_for_cloud_kms_alone(google, provider, work):
    work(provider)

    (asked,) = google.calls(":generateAccessToken")
    assert json.loads(asked.body) == {"scope": [CLOUD_KMS], "lifetime": "3600s"}
    scopes = {grant.account: grant.scopes for grant in google.iam.tokens.values()}
    assert scopes[ACCOUNT] == {"https://www.googleapis.com/auth/cloudkms"}


def test_another_organization_that_binds_the_same_key_is_another_account_and_denied(google, provider, key, work):
    google.iam.add(GLOBEX)

    with pytest.raises(AccessDenied):
        work(provider, replace(key, options=(("external_id", "external-id-of-globex"),)))

    assert google.iam.made == [GLOBEX]
    assert google.calls("/cryptoKeys/")[0].account == GLOBEX


def test_each_organization_has_a_token_of_its_own(google, provider, key, work):
    google.iam.add(GLOBEX)
    google.kms.add(f"{KEY}-of-globex", {GLOBEX})
    globex = replace(key, key_id=f"{KEY}-of-globex", options=(("external_id", "external-id-of-globex"),))

    for each in (key, globex, key, globex):
        assert work(provider, each)

    assert google.iam.made == [ACCOUNT, GLOBEX]
    assert [each.account for each in google.calls("/cryptoKeys/")] == [ACCOUNT, ACCOUNT, GLOBEX, GLOBEX] * 2


def test_an_account_of_the_owners_is_used_where_the_binding_names_one(google, provider, with_options, work):
    google.iam.add(OWNERS)
    google.kms.keys[KEY].policy["cloudkms.cryptoKeyVersions.useToEncrypt"] = {OWNERS}
    google.kms.keys[KEY].policy["cloudkms.cryptoKeyVersions.useToDecrypt"] = {OWNERS}

    assert work(provider, with_options(service_account=OWNERS))

    assert google.iam.made == [OWNERS]


def test_an_owner_who_takes_the_account_back_denies(google, provider, with_options, work):
    google.iam.add(OWNERS, creators=())

    with pytest.raises(AccessDenied):
        work(provider, with_options(service_account=OWNERS))


def test_an_account_of_ours_that_is_missing_is_the_operators_trouble(google, provider, work):
    google.iam.token_creators.clear()

    with pytest.raises(ConfigInvalid):
        work(provider)


def test_a_token_that_ended_early_is_made_anew_by_the_next_call(google, provider, work):
    work(provider)
    google.iam.revoke()

    with pytest.raises(Unavailable):
        work(provider)
    with pytest.raises(Unavailable):
        work(provider)  # our own had ended as well
    assert work(provider)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        {},
        {"accessToken": "t"},
        {"expireTime": "2030-01-01T00:00:00Z"},
        {"accessToken": "t", "expireTime": "soon"},
        {"accessToken": "t", "expireTime": "2020-01-01T00:00:00Z"},
        {"accessToken": "", "expireTime": "2099-01-01T00:00:00Z"},
        {"accessToken": 7, "expireTime": "2099-01-01T00:00:00Z"},
        {"accessToken": "t\r\nx: y", "expireTime": "2099-01-01T00:00:00Z"},
    ],
)
def test_an_answer_without_a_token_is_unavailable(google, provider, work, body):
    with google.saying(200, body, ":generateAccessToken"), pytest.raises(Unavailable):
        work(provider)
