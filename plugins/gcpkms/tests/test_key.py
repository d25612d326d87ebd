"""Names of keys and accounts are taken as Google writes them, and in no other way."""

import pytest

from sealring_gcpkms.account import Account, organization_label
from sealring_gcpkms.key import CryptoKey
from sealring_plugin import ConfigInvalid

NAME = "projects/acme-keys/locations/europe-west3/keyRings/ring-1/cryptoKeys/Key_1"
LABEL = "vvwmhpalytvmiy4pfev7"


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        "projects/example.com:acme-keys/locations/global/keyRings/r/cryptoKeys/k",
        f"projects/abcdef/locations/us/keyRings/{'r' * 63}/cryptoKeys/{'k' * 63}",
    ],
)
def test_a_full_name_is_a_key(name):
    assert CryptoKey.parse(name).name == name


def test_a_key_knows_its_location():
    assert CryptoKey.parse(NAME).location == "europe-west3"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (f"{NAME}/cryptoKeyVersions/1", "names a version"),
        (NAME.replace("acme-keys", "123456789012"), "by number"),
        ("", "must be"),
        ("key", "must be"),
        (f"/{NAME}", "must be"),
        (f"{NAME}/", "must be"),
        (f"{NAME}\n", "must be"),
        (f"{NAME} ", "must be"),
        (f"https://cloudkms.googleapis.com/v1/{NAME}", "must be"),
        (f"//cloudkms.googleapis.com/{NAME}", "must be"),
        (NAME.replace("keyRings", "keyrings"), "must be"),
        (NAME.replace("acme-keys", "Acme-Keys"), "must be"),
        (NAME.replace("acme-keys", "acme"), "must be"),
        (NAME.replace("acme-keys", ".."), "must be"),
        (NAME.replace("europe-west3", "-"), "must be"),
        (NAME.replace("europe-west3", ""), "must be"),
        (NAME.replace("ring-1", "*"), "must be"),
        (NAME.replace("ring-1", "r" * 64), "must be"),
        (NAME.replace("Key_1", "a:encrypt"), "must be"),
        (NAME.replace("Key_1", "a?b"), "must be"),
        (NAME.replace("Key_1", "a%2fb"), "must be"),
        (NAME.replace("Key_1", "clé"), "must be"),
        (NAME.replace("Key_1", "\u0661"), "must be"),
    ],
)
def test_anything_else_is_refused(name, says):
    with pytest.raises(ConfigInvalid, match=says):
        CryptoKey.parse(name)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        (f"{NAME}/cryptoKeyVersions/1", 1),
        (f"{NAME}/cryptoKeyVersions/4294967295", 4294967295),
        (NAME, None),
        (f"{NAME}x/cryptoKeyVersions/1", None),
        (f"{NAME}/cryptoKeyVersions/0", None),
        (f"{NAME}/cryptoKeyVersions/01", None),
        (f"{NAME}/cryptoKeyVersions/1/", None),
        (f"{NAME}/cryptoKeyVersions/-1", None),
        (NAME.replace("acme", "evil") + "/cryptoKeyVersions/1", None),
        (None, None),
        (7, None),
    ],
)
def test_a_version_is_one_of_this_very_key(name, version):
    assert CryptoKey.parse(NAME).version_of(name) == version


def test_the_account_of_an_organization_is_made_of_its_external_id():
    template = "sealring-{organization}@vault-prod.iam.gserviceaccount.com"

    account = Account.from_template(template, "external-id-of-acme")

    assert account == Account(f"sealring-{LABEL}@vault-prod.iam.gserviceaccount.com", ours=True)


def test_two_organizations_have_two_labels():
    assert organization_label("external-id-of-acme") == LABEL
    assert organization_label("external-id-of-globex") == "b3wgopdgqpks26aeru2l"
    assert organization_label("External-Id-Of-Acme") != LABEL


def test_an_owner_may_name_an_account_of_its_own():
    email = f"vault-{LABEL}@acme-keys.iam.gserviceaccount.com"

    assert Account.of_owner(email, "external-id-of-acme") == Account(email, ours=False)


@pytest.mark.parametrize(
    "email",
    [
        "sealring-b3wgopdgqpks26aeru2l@vault-prod.iam.gserviceaccount.com",  # that of another organization
        "sealring@vault-prod.iam.gserviceaccount.com",  # our own
        f"vault-{LABEL}-x@vault-prod.iam.gserviceaccount.com",
        f"{LABEL}@vault-prod.iam.gserviceaccount.com",
    ],
)
def test_an_owner_cannot_name_the_account_of_another_organization(email):
    with pytest.raises(ConfigInvalid, match=f"has to end in -{LABEL}"):
        Account.of_owner(email, "external-id-of-acme")


@pytest.mark.parametrize(
    "email",
    [
        "",
        f"sealring-{LABEL}",
        f"sealring-{LABEL}@example.com",
        f"sealring-{LABEL}@acme-keys.iam.gserviceaccount.com.evil.test",
        f"sealring-{LABEL}@acme-keys.iam.gserviceaccount.com:generateIdToken?x=",
        f"../sealring-{LABEL}@acme-keys.iam.gserviceaccount.com",
        f"much-too-long-{LABEL}@acme-keys.iam.gserviceaccount.com",
        f"Sealring-{LABEL}@acme-keys.iam.gserviceaccount.com",
        f"sealring-{LABEL}@acme-keys.iam.gserviceaccount.com\n",
    ],
)
def test_an_owner_cannot_name_what_is_no_account(email):
    with pytest.raises(ConfigInvalid, match=r"<id>@<project>\.iam"):
        Account.of_owner(email, "external-id-of-acme")
