"""The whole server, as a client sees it."""


def test_a_created_object_can_be_read(live):
    token = live.token("org_acme")
    body = {"name": "greeting", "value": "world", "key_context": {"organization_id": "org_acme"}}

    created = live.ask("POST", "/vault/v1/kv", token=token, body=body)
    read = live.ask("GET", f"/vault/v1/kv/{created.json['id']}", token=token)

    assert created.status == 201
    assert read.status == 200
    assert read.json["value"] == "world"
