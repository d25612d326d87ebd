"""A customer's own keys in Azure Key Vault or Managed HSM, with every wrap made by the vault and none by us."""
