"""The guide of an admin names the account, the organization, and what to paste."""

import pytest

PRINCIPAL = "sealring@vault-prod.iam.gserviceaccount.com"

OURS = """\
# Organization org_acme. sealring@vault-prod.iam.gserviceaccount.com uses the key as \
sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com, which no other organization has.
# KEY and RING are the names of the key and of its key ring; LOCATION and PROJECT are where they are.
gcloud kms keys add-iam-policy-binding KEY --keyring RING --location LOCATION --project PROJECT \\
  --member serviceAccount:sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com \
--role roles/cloudkms.cryptoKeyEncrypterDecrypter
gcloud kms keys add-iam-policy-binding KEY --keyring RING --location LOCATION --project PROJECT \\
  --member serviceAccount:sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com --role roles/cloudkms.viewer
gcloud kms keys update KEY --keyring RING --location LOCATION --project PROJECT \
--update-labels vault-org=vvwmhpalytvmiy4pfev7
"""


@pytest.fixture
def guide(make_provider):
    def guide(**settings):
        provider = make_provider(**settings)
        return provider.explain_setup(
            principal=PRINCIPAL, organization_id="org_acme", external_id="external-id-of-acme"
        )

    return guide


def test_the_policy_grants_the_account_of_the_organization(guide):
    assert guide().policy == OURS


def test_an_owner_makes_the_account_where_the_operator_has_none(guide):
    account = "sealring-vvwmhpalytvmiy4pfev7@PROJECT.iam.gserviceaccount.com"

    policy = guide(service_account=None).policy

    assert policy.splitlines()[1:4] == [
        "gcloud iam service-accounts create sealring-vvwmhpalytvmiy4pfev7 --project PROJECT",
        f"gcloud iam service-accounts add-iam-policy-binding {account} --project PROJECT \\",
        f"  --member serviceAccount:{PRINCIPAL} --role roles/iam.serviceAccountTokenCreator",
    ]
    assert PRINCIPAL in policy
    assert "org_acme" in policy


def test_the_steps_say_who_does_what(guide):
    assert guide().steps[0].startswith("Wait until the operator of sealring has made the service account sealring-")
    assert guide(service_account=None).steps[0].startswith("Make the service account sealring-")
