"""The guide in a browser: its texts are for one organization, and what a console copies becomes the key's name."""

import pytest

from sealring_gcpkms.guide import create_part, grant_part
from sealring_gcpkms.key import read_key

KEY = "projects/my-project/locations/europe-west1/keyRings/ring/cryptoKeys/key"
OURS = "sealring-abc@vault-prod.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    "copied",
    [
        KEY,
        f" {KEY}\n",
        f"{KEY}/cryptoKeyVersions/1",
        f"//cloudkms.googleapis.com/{KEY}",
        f"https://cloudkms.googleapis.com/v1/{KEY}/cryptoKeyVersions/12",
    ],
)
def test_what_a_console_copies_is_the_name(copied):
    assert read_key(copied) == KEY


@pytest.mark.parametrize("text", ["", "ring/key", f"{KEY} {KEY}2"])
def test_another_text_stays_as_it_is(text):
    assert read_key(text) == text


def test_the_key_gets_the_label_of_the_organization():
    assert [each.tool for each in create_part("abc").recipes if "abc" in each.text] == ["gcloud", "Terraform"]


def test_an_account_of_the_operator_is_granted_as_it_is():
    text = grant_part(OURS, "us", "policy", ours=True).recipes[1].text

    assert f'member        = "serviceAccount:{OURS}"' in text
    assert "google_service_account" not in text


def test_an_account_of_the_owner_is_made_first():
    part = grant_part("sealring-abc@PROJECT.iam.gserviceaccount.com", "us", "policy", ours=False)

    assert part.steps[0].text.startswith("Open IAM, then Service accounts, and create the account sealring-abc.")
    assert 'account_id = "sealring-abc"' in part.recipes[1].text
    assert 'member        = "serviceAccount:${google_service_account.sealring.email}"' in part.recipes[1].text
