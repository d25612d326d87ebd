"""The messages of the server are those of vault.proto, which makers of clients compile."""

import re
from importlib.resources import files

from connect.kit import SERVICE
from sealring.connect.messages import METHODS, description

PROTO = re.sub(r"//.*", "", (files("sealring.connect") / "vault.proto").read_text())
MESSAGES = {
    name: dict(re.findall(r"((?:optional )?(?:map<string, \w+>|\w+) \w+) = (\d+);", body))
    for name, body in re.findall(r"message (\w+) \{(.*?)\}", PROTO, re.DOTALL)
}
CALLS = re.findall(r"rpc (\w+)\((\w+)\) returns \((\w+)\);", PROTO)


def declared(message, field):
    """A field of a descriptor, as the language writes it."""
    of = {each.name: each for each in message.nested_type}.get(f"{field.name.capitalize()}Entry")
    if of is None:
        assert field.type == field.TYPE_STRING
        return f"{'optional ' if field.proto3_optional else ''}string {field.name}"
    value = of.field[1]
    return f"map<string, {value.type_name.rpartition('.')[2] or 'string'}> {field.name}"


def test_every_message_has_the_fields_of_the_file():
    described = {
        each.name: {declared(each, field): str(field.number) for field in each.field}
        for each in description().message_type
    }

    assert described == MESSAGES
    assert len(MESSAGES) == 13


def test_every_method_has_the_messages_of_the_file():
    assert [(name, request.name, answer.name) for name, (request, answer) in METHODS.items()] == CALLS
    assert len(CALLS) == 6


def test_the_package_and_the_service_are_those_of_the_file():
    assert re.search(r"package ([\w.]+);", PROTO)[1] == description().package == "vault.v1"
    assert re.search(r"service (\w+) \{", PROTO)[1] == SERVICE.rpartition(".")[2]


def test_every_field_has_its_name_in_json():
    """Compilers write it, and libraries of clients count on it."""
    assert all(field.json_name for message in description().message_type for field in message.field)
