"""Python 5 to 7: create_object, read_object, list_objects ..."""

from conversation import converse
from workos import WorkOSClient


class Vault:
    def __init__(self, url, token):
        self._client = WorkOSClient(api_key=token, client_id="client_of_the_tests", base_url=url)
        self._vault = self._client.vault

    def create(self, name, value, context):
        return _plain(self._vault.create_object(name=name, value=value, key_context=context))

    def read(self, id):  # noqa: A002
        return _plain(self._vault.read_object(object_id=id))

    def read_by_name(self, name):
        return _plain(self._vault.read_object_by_name(name=name))

    def describe(self, id):  # noqa: A002
        return _plain(self._vault.get_object_metadata(object_id=id))

    def update(self, id, **options):  # noqa: A002
        return _plain(self._vault.update_object(object_id=id, **options))

    def delete(self, id):  # noqa: A002
        return self._vault.delete_object(object_id=id)

    def versions(self, id):  # noqa: A002
        return [_plain(row) for row in self._vault.list_object_versions(object_id=id)]

    def walk(self):
        return [_plain(row) for row in self._vault.list_objects()]

    def page(self, **options):
        page = self._vault.list_objects(**options)
        if isinstance(page, list):  # 6 and 7: rows alone
            return {"rows": [_plain(row) for row in page]}
        cursors = page.list_metadata
        return {"rows": [_plain(row) for row in page.data], "before": cursors.before, "after": cursors.after}

    def create_data_key(self, context):
        pair = self._vault.create_data_key(key_context=context)
        key = {"id": pair.data_key.id, "data_key": pair.data_key.key}
        context = getattr(pair.context, "root", pair.context)  # a model of its own in 5
        return {**key, "context": context, "encrypted_keys": pair.encrypted_keys}

    def decrypt_data_key(self, keys):
        key = self._vault.decrypt_data_key(keys=keys)
        return {"id": key.id, "data_key": key.key}

    def encrypt(self, text, context, associated_data):
        return self._vault.encrypt(data=text, key_context=context, associated_data=associated_data)

    def decrypt(self, ciphertext, associated_data):
        return self._vault.decrypt(encrypted_data=ciphertext, associated_data=associated_data)

    def generate_link(self, organization, **options):
        if hasattr(self._client, "admin_portal"):  # 7
            return self._client.admin_portal.generate_link(organization=organization, **options).link
        return self._client.portal.generate_link(organization_id=organization, **options).link


def _plain(thing):
    return thing.model_dump(mode="json") if hasattr(thing, "model_dump") else thing.to_dict()


converse(Vault)
