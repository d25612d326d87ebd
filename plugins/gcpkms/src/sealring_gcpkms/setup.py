"""The steps for the admin of a key that let us use it for one organization only."""

from __future__ import annotations

from sealring_gcpkms.account import Account, organization_label
from sealring_gcpkms.config import GcpConfig
from sealring_gcpkms.description import LABEL
from sealring_gcpkms.guide import create_part, grant_part, notes_of
from sealring_plugin import SetupGuide

_KEY = "KEY --keyring RING --location LOCATION --project PROJECT"

_IN_OUR_PROJECT = """\
# Organization {organization}. {principal} uses the key as {account}, which no other organization has.
"""

_IN_YOUR_PROJECT = """\
# Organization {organization}. {principal} uses the key as an account in your project, which no other organization has.
gcloud iam service-accounts create {identity} --project PROJECT
gcloud iam service-accounts add-iam-policy-binding {account} --project PROJECT \\
  --member serviceAccount:{principal} --role roles/iam.serviceAccountTokenCreator
"""

_GRANT = """\
# KEY and RING are the names of the key and of its key ring; LOCATION and PROJECT are where they are.
gcloud kms keys add-iam-policy-binding {key} \\
  --member serviceAccount:{account} --role roles/cloudkms.cryptoKeyEncrypterDecrypter
gcloud kms keys add-iam-policy-binding {key} \\
  --member serviceAccount:{account} --role roles/cloudkms.viewer
gcloud kms keys update {key} --update-labels {name}={label}
"""


def guide(config: GcpConfig, principal: str, organization_id: str, external_id: str) -> SetupGuide:
    label = organization_label(external_id)
    identity = f"sealring-{label}"
    ours = bool(config.service_account)
    account = (
        Account.from_template(config.service_account, external_id).email
        if ours
        else f"{identity}@PROJECT.iam.gserviceaccount.com"
    )
    policy = ((_IN_OUR_PROJECT if ours else _IN_YOUR_PROJECT) + _GRANT).format(
        organization=organization_id,
        principal=principal,
        account=account,
        identity=identity,
        key=_KEY,
        name=LABEL,
        label=label,
    )
    return SetupGuide(
        _steps(account, ours=ours),
        policy,
        create=create_part(label),
        grant=grant_part(account, principal, policy, ours=ours),
        notes=notes_of(policy),
        options=() if ours else (("service_account", account.replace("PROJECT", "<PROJECT>")),),
    )


def _steps(account: str, *, ours: bool) -> tuple[str, ...]:
    first = (
        (f"Wait until the operator of sealring has made the service account {account} for your organization.",)
        if ours
        else (f"Make the service account {account} in your project, and let sealring impersonate it.",)
    )
    return (
        *first,
        "Make a key with purpose ENCRYPT_DECRYPT in Cloud KMS, preferably with a rotation period, or choose one.",
        f"Grant roles/cloudkms.cryptoKeyEncrypterDecrypter on that key, not on its ring or project, to {account}.",
        "Also grant roles/cloudkms.viewer on the key, so that sealring can warn you of problems with it.",
        f"Set the label {LABEL} on the key: it names the organization that may use the key.",
        "Bind the key by its full name, without a version: projects/*/locations/*/keyRings/*/cryptoKeys/*"
        + ("." if ours else ", with the account as the option service_account."),
    )
