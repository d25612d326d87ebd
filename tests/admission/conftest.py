import uuid

import pytest


@pytest.fixture
def token(live):
    return live.token("org_repeats")


@pytest.fixture
def create(live, token):
    name = f"name {uuid.uuid4()}"
    body = {"name": name, "value": "v", "key_context": {"organization_id": "org_repeats"}}

    def send(headers, **changes):
        return live.ask("POST", "/vault/v1/kv", token=token, body={**body, **changes}, headers=headers)

    return send
