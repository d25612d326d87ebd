"""What the admin of a key does to let us in."""

from __future__ import annotations

from sealring_azurekv.guide import create_part, grant_part, notes_of
from sealring_azurekv.key import Cloud
from sealring_plugin import SetupGuide

TAG = "sealring-external-id"

_POLICY = """\
# For the organization {organization} of sealring. <...> are yours.
az ad sp create --id {principal}

# Key Vault with Azure RBAC:
az role assignment create --assignee {principal} --role "Key Vault Crypto Service Encryption User" \\
  --scope /subscriptions/<SUB>/resourceGroups/<GROUP>/providers/Microsoft.KeyVault/vaults/<VAULT>/keys/<KEY>

# Key Vault with access policies:
az keyvault set-policy --name <VAULT> --spn {principal} --key-permissions get wrapKey unwrapKey

# Managed HSM, RSA key:
az keyvault role assignment create --hsm-name <HSM> --assignee {principal} --scope /keys/<KEY> \\
  --role "Managed HSM Crypto Service Encryption User"

# Managed HSM, oct-HSM key (no built-in role encrypts and does not manage):
az keyvault role definition create --hsm-name <HSM> --role-definition '{{"roleName": "sealring", "description": "",
  "actions": [], "notActions": [], "notDataActions": [], "dataActions": [
    "Microsoft.KeyVault/managedHsm/keys/read/action", "Microsoft.KeyVault/managedHsm/keys/encrypt/action",
    "Microsoft.KeyVault/managedHsm/keys/decrypt/action"]}}'
az keyvault role assignment create --hsm-name <HSM> --assignee {principal} --scope /keys/<KEY> --role sealring

# The key is for this organization and no other; --tags replaces all tags:
az keyvault key set-attributes --id <KEY URL> --tags {tag}={external_id}
"""


_STEPS = """\
Make an RSA key of 2048 or 3072 bits in a vault with purge protection, or an oct-HSM key of 256 bits in a Managed HSM.
Add our application {principal} to the tenant of the vault, as an admin who may consent to applications.
Let it read, wrap and unwrap with this one key; of the blocks below, take the one for your kind of vault.
Give the key the tag {tag}={external_id}: without it the key is refused, since any other organization could bind it.
If the vault has a firewall, allow our addresses.
Tell us the tenant's id and the key's URL without a version: {vault} or {hsm}
After a rotation see that the new version has the tag, and keep the old ones enabled: each wrapped key needs its own."""


def guide(principal: str, cloud: Cloud, organization_id: str, external_id: str) -> SetupGuide:
    """The commands are of learn.microsoft.com/azure/key-vault: general/rbac-guide and managed-hsm/role-management."""
    names = {
        "principal": principal,
        "organization": organization_id,
        "external_id": external_id,
        "tag": TAG,
        "vault": f"https://<VAULT>{cloud.vaults}/keys/<KEY>",
        "hsm": f"https://<HSM>{cloud.hsms}/keys/<KEY>",
    }
    policy = _POLICY.format(**names)
    return SetupGuide(
        steps=tuple(_STEPS.format(**names).splitlines()),
        policy=policy,
        create=create_part(TAG, external_id),
        grant=grant_part(principal, policy),
        notes=notes_of(policy),
    )
