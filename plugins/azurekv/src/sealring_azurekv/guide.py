"""The setup in a browser: how to create a key and grant access, in the console and with the usual tools."""

from __future__ import annotations

from sealring_plugin import PolicyNote, Recipe, Screen, SetupPart, SetupStep

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security
_ROLE = "Key Vault Crypto Service Encryption User"
_ROLE_ID = "e147488a-f6f5-4113-8e2d-b22465e65bf6"

_NOTES = {
    "az ad sp create": "Adds sealring to your tenant, so that you can grant it access. This alone grants nothing.",
    f'--role "{_ROLE}"': "sealring may read the key's properties, and wrap and unwrap with this one key.",
    "--key-permissions get wrapKey unwrapKey": "The same, for a vault that uses access policies instead of roles.",
    "Managed HSM Crypto Service Encryption User": "The same, for an RSA key in a Managed HSM.",
    "Microsoft.KeyVault/managedHsm/keys/encrypt/action": "The same, for a symmetric key in a Managed HSM.",
    "--tags ": "Names the organization that may use the key. Without it, sealring refuses the key.",
}

_CLI_CREATE = """\
az group create --name sealring --location <LOCATION>
az keyvault create --name <VAULT> --resource-group sealring --location <LOCATION> \\
  --enable-purge-protection true --enable-rbac-authorization true
az keyvault key create --vault-name <VAULT> --name sealring --kty RSA --size 3072 \\
  --ops wrapKey unwrapKey --tags {tag}={external_id}
"""

_TERRAFORM_CREATE = """\
resource "azurerm_key_vault" "sealring" {{
  name                       = "<VAULT>"
  resource_group_name        = "<GROUP>"
  location                   = "<LOCATION>"
  tenant_id                  = "<TENANT>"
  sku_name                   = "premium"
  purge_protection_enabled   = true
  rbac_authorization_enabled = true
}}

resource "azurerm_key_vault_key" "sealring" {{
  name         = "sealring"
  key_vault_id = azurerm_key_vault.sealring.id
  key_type     = "RSA-HSM"
  key_size     = 3072
  key_opts     = ["wrapKey", "unwrapKey"]
  tags         = {{ "{tag}" = "{external_id}" }}
}}

output "sealring_key" {{
  value = azurerm_key_vault_key.sealring.versionless_id
}}
"""

_TERRAFORM_GRANT = """\
resource "azuread_service_principal" "sealring" {{
  client_id = "{principal}"
}}

resource "azurerm_role_assignment" "sealring" {{
  scope                = azurerm_key_vault_key.sealring.resource_versionless_id
  role_definition_name = "{role}"
  principal_id         = azuread_service_principal.sealring.object_id
}}
"""

_BICEP_CREATE = """\
param location string = resourceGroup().location
param vaultName string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {{
  name: vaultName
  location: location
  properties: {{
    tenantId: subscription().tenantId
    sku: {{ family: 'A', name: 'premium' }}
    enablePurgeProtection: true
    enableRbacAuthorization: true
  }}
}}

resource key 'Microsoft.KeyVault/vaults/keys@2023-07-01' = {{
  parent: vault
  name: 'sealring'
  tags: {{ '{tag}': '{external_id}' }}
  properties: {{ kty: 'RSA-HSM', keySize: 3072, keyOps: ['wrapKey', 'unwrapKey'] }}
}}

output sealringKey string = key.properties.keyUri
"""

_BICEP_GRANT = """\
@description('Object ID of sealring in your tenant: az ad sp show --id {principal} --query id')
param sealringObjectId string

resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{
  name: guid(key.id, sealringObjectId)
  scope: key
  properties: {{
    principalId: sealringObjectId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{role_id}')
  }}
}}
"""


def create_part(tag: str, external_id: str) -> SetupPart:
    return SetupPart(
        steps=(
            SetupStep(
                "In the Azure portal, open a key vault with purge protection, or create one. A Managed HSM is also "
                "possible.",
                Screen(
                    "Key vaults > Create",
                    (("Purge protection", "Enabled"), ("Permission model", "Azure RBAC")),
                    "Create",
                ),
            ),
            SetupStep(
                "In the vault, open Keys and press Generate/Import. Choose an RSA key of 2048 or 3072 bits.",
                Screen(
                    "Create a key",
                    (("Name", "sealring"), ("Key type", "RSA"), ("RSA key size", "3072")),
                    "Create",
                ),
            ),
            SetupStep(
                f"Give the key the tag {tag} with the value {external_id}. It names the organization that may use it; "
                "after a rotation, the new version needs it too.",
                Screen("Create a key > Tags", ((tag, external_id),), "Apply"),
            ),
        ),
        recipes=(
            Recipe("Azure CLI", _CLI_CREATE.format(tag=tag, external_id=external_id)),
            Recipe("Terraform", _TERRAFORM_CREATE.format(tag=tag, external_id=external_id)),
            Recipe("Bicep", _BICEP_CREATE.format(tag=tag, external_id=external_id)),
        ),
    )


def grant_part(principal: str, policy: str) -> SetupPart:
    return SetupPart(
        steps=(
            SetupStep(
                f"An admin of your tenant adds our application {principal}, once, in the Cloud Shell: "
                f"az ad sp create --id {principal}",
            ),
            SetupStep(
                "Open the key, not the vault, choose Access control (IAM), and press Add role assignment.",
                Screen("sealring > Access control (IAM)", (), "Add role assignment"),
            ),
            SetupStep(
                f"Choose the role {_ROLE}, and as its member our application.",
                Screen("Add role assignment", (("Role", _ROLE), ("Members", principal)), "Review + assign"),
            ),
            SetupStep("If the vault has a firewall, allow the addresses of sealring; its operator tells you which."),
        ),
        recipes=(
            Recipe("Azure CLI", policy),
            Recipe("Terraform", _TERRAFORM_GRANT.format(principal=principal, role=_ROLE)),
            Recipe("Bicep", _BICEP_GRANT.format(principal=principal, role_id=_ROLE_ID)),
        ),
    )


def notes_of(policy: str) -> tuple[PolicyNote, ...]:
    """Return what each part of the commands is for."""
    return tuple(PolicyNote(part, reason) for part, reason in _NOTES.items() if part in policy)
