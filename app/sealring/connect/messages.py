"""The messages of vault.v1: texts, and maps of texts. vault.proto says the same for makers of clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from sealring.connect.refusals import PACKAGE

SERVICE = "VaultService"

_MAP = FieldDescriptorProto(
    label=FieldDescriptorProto.LABEL_REPEATED, type=FieldDescriptorProto.TYPE_MESSAGE
)  # protobuf.dev/programming-guides/encoding#maps: repeated entries with a key and a value


@dataclass(frozen=True, slots=True)
class Text:
    """A string. Without presence, a missing one is empty."""

    presence: bool = False


@dataclass(frozen=True, slots=True)
class Texts:
    """A map from strings to strings, or to messages of another shape."""

    values: Shape | None = None


@dataclass(frozen=True)
class Shape:
    """A message: its fields by name, numbered as they stand."""

    name: str
    fields: Mapping[str, Text | Texts]

    @cached_property
    def message(self) -> type[Message]:
        """The class of the message."""
        return GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{self.name}"))

    @cached_property
    def by_json(self) -> Mapping[str, str]:
        """The names of fields by those in JSON: each in lower camel case, and as it is."""
        return {spelling: name for name in self.fields for spelling in (name, json_name(name))}


def json_name(name: str) -> str:
    """Return a field's name in lower camel case."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


_Fields = Mapping[str, Text | Texts]
_RING: _Fields = {"keyring": Text()}
_SEALED: _Fields = {"encrypted": Text(), "key_id": Text()}
_NAMED: _Fields = {**_RING, "items": Texts()}

LIVENESS = Shape("LivenessRequest", {}), Shape("LivenessResponse", {"status": Text()})
ENCRYPT = Shape("EncryptRequest", {**_RING, "data": Text()}), Shape("EncryptResponse", _SEALED)
DECRYPT = Shape("DecryptRequest", {**_RING, "encrypted": Text()}), Shape("DecryptResponse", {"plaintext": Text()})
_SEALED_ITEM = Shape("EncryptBulkResponseItem", _SEALED)
ENCRYPT_BULK = Shape("EncryptBulkRequest", _NAMED), Shape("EncryptBulkResponse", {"items": Texts(_SEALED_ITEM)})
DECRYPT_BULK = Shape("DecryptBulkRequest", _NAMED), Shape("DecryptBulkResponse", {"items": Texts()})
RE_ENCRYPT = (
    Shape("ReEncryptRequest", {**_RING, "encrypted": Text(), "key_id": Text(presence=True)}),
    Shape("ReEncryptResponse", _SEALED),
)

METHODS: Mapping[str, tuple[Shape, Shape]] = {
    "Liveness": LIVENESS,
    "Encrypt": ENCRYPT,
    "Decrypt": DECRYPT,
    "EncryptBulk": ENCRYPT_BULK,
    "DecryptBulk": DECRYPT_BULK,
    "ReEncrypt": RE_ENCRYPT,
}


def description() -> FileDescriptorProto:
    """Return what a compiler of Protocol Buffers makes of vault.proto."""
    file = FileDescriptorProto(name="vault/v1/service.proto", package=PACKAGE, syntax="proto3")
    service = file.service.add(name=SERVICE)
    shapes: dict[str, Shape] = {_SEALED_ITEM.name: _SEALED_ITEM}
    for method, (request, answer) in METHODS.items():
        service.method.add(name=method, input_type=_type(request), output_type=_type(answer))
        shapes |= {request.name: request, answer.name: answer}
    file.message_type.extend(map(_message, shapes.values()))
    return file


def _message(shape: Shape) -> DescriptorProto:
    message = DescriptorProto(name=shape.name)
    for number, (name, field) in enumerate(shape.fields.items(), 1):
        if isinstance(field, Text):
            message.field.append(_text(name, number))
            if field.presence:  # proto3's `optional`: a oneof of its own
                message.field[-1].proto3_optional, message.field[-1].oneof_index = True, len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{name}")
        else:
            entry = _entry(name, field)
            message.nested_type.append(entry)
            added = message.field.add(name=name, number=number, json_name=json_name(name))
            added.type_name = f"{_type(shape)}.{entry.name}"
            added.MergeFrom(_MAP)
    return message


def _entry(name: str, field: Texts) -> DescriptorProto:
    entry = DescriptorProto(name=f"{name.capitalize()}Entry", field=[_text("key", 1), _text("value", 2)])
    entry.options.map_entry = True
    if field.values is not None:
        entry.field[1].type, entry.field[1].type_name = FieldDescriptorProto.TYPE_MESSAGE, _type(field.values)
    return entry


def _text(name: str, number: int) -> FieldDescriptorProto:
    return FieldDescriptorProto(
        name=name,
        number=number,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_STRING,
        json_name=json_name(name),
    )


def _type(shape: Shape) -> str:
    return f".{PACKAGE}.{shape.name}"


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    pool.Add(description())
    return pool


_POOL = _pool()
