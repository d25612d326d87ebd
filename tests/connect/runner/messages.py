"""The messages of the conformance suite, from the descriptors that the test compiled."""

import os
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from connect.runner.variables import DESCRIPTORS

_PACKAGE = "connectrpc.conformance.v1"
_pool = DescriptorPool()
for _file in FileDescriptorSet.FromString(Path(os.environ[DESCRIPTORS]).read_bytes()).file:
    _pool.Add(_file)


def message(name):
    return GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def code_name(number):
    return _pool.FindEnumTypeByName(f"{_PACKAGE}.Code").values_by_number[number].name.removeprefix("CODE_").lower()


ANY = GetMessageClass(_pool.FindMessageTypeByName("google.protobuf.Any"))
POOL = _pool
