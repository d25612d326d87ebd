"""The envelope of vault.v1, read and written by the library of Protocol Buffers and not by the server's code."""

import base64

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_FIELDS = {
    "algorithm": "INT32",
    "nonce": "BYTES",
    "ciphertext": "BYTES",
    "encryption_key_id": "STRING",
    "time": "INT64",
}


def _encrypted():
    file = FileDescriptorProto(name="object.proto", package="vault.v1", syntax="proto3")
    message = file.message_type.add(name="Encrypted")
    for number, (name, of) in enumerate(_FIELDS.items(), 1):
        kind = FieldDescriptorProto.Type.Value(f"TYPE_{of}")
        message.field.add(name=name, number=number, type=kind, label=FieldDescriptorProto.LABEL_OPTIONAL)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("vault.v1.Encrypted"))


Encrypted = _encrypted()


def opened(text):
    """The parts of an envelope."""
    return Encrypted.FromString(base64.b64decode(text, validate=True))


def sealed(envelope, **changes):
    """The text of an envelope with other parts."""
    changed = Encrypted()
    changed.CopyFrom(envelope)
    for name, value in changes.items():
        setattr(changed, name, value)
    return base64.b64encode(changed.SerializeToString()).decode()
