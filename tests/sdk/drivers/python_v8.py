"""Python 8 and later: create_kv, get_kv, list_kv ..."""

from datetime import datetime

from conversation import converse
from workos import WorkOSClient


class Vault:
    def __init__(self, url, token):
        self._client = WorkOSClient(api_key=token, base_url=url)
        self._vault = self._client.vault

    def create(self, name, value, context):
        return self._vault.create_kv(name=name, value=value, key_context=context).to_dict()

    def read(self, id):  # noqa: A002
        return self._vault.get_kv(id).to_dict()

    def read_by_name(self, name):
        return self._vault.get_name(name).to_dict()

    def describe(self, id):  # noqa: A002
        return self._vault.list_kv_metadata(id).to_dict()

    def update(self, id, **options):  # noqa: A002
        return self._vault.update_kv(id, **options).to_dict()

    def delete(self, id, **options):  # noqa: A002
        return self._vault.delete_kv(id, **options)

    def versions(self, id):  # noqa: A002
        return [row.to_dict() for row in self._vault.list_kv_versions(id).data]

    def walk(self, **filters):
        return [row.to_dict() for row in self._vault.list_kv(**_with_datetime(filters)).auto_paging_iter()]

    def page(self, **options):
        page = self._vault.list_kv(**_with_datetime(options))
        return {"rows": [row.to_dict() for row in page.data], "before": page.before, "after": page.after}

    def create_data_key(self, context):
        return self._vault.create_data_key(context=context).to_dict()

    def decrypt_data_key(self, keys):
        return self._vault.create_decrypt(keys=keys).to_dict()

    def rekey(self, encrypted_keys, context):
        return self._vault.create_rekey(encrypted_keys=encrypted_keys, context=context).to_dict()

    def encrypt(self, text, context, associated_data):
        return self._vault.encrypt(data=text, key_context=context, associated_data=associated_data)

    def decrypt(self, ciphertext, associated_data):
        return self._vault.decrypt(encrypted_data=ciphertext, associated_data=associated_data)

    def generate_link(self, **options):
        contacts, user = ["it@acme.example"], "user_of_the_tests"
        return self._client.admin_portal.generate_link(
            it_contact_emails=contacts, external_user_id=user, **options
        ).link


def _with_datetime(options):
    return {name: datetime.fromisoformat(it) if name == "updated_after" else it for name, it in options.items()}


converse(Vault)
