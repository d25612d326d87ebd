"""A caller of vault.v1 with Python's connectrpc: one line of JSON at a time says which method to call, and gets its answer."""

import json
import sys
from pathlib import Path

from connectrpc.client import ConnectClientSync
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.compression.gzip import GzipCompression
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass

SERVICE = "vault.v1.VaultService"
kept = {}  # texts of the last large answer, to be sent again


def main(url, described):
    pool = DescriptorPool()
    pool.Add(FileDescriptorProto.FromString(Path(described).read_bytes()))
    methods = {each.name: each for each in pool.FindServiceByName(SERVICE).methods}
    clients = {}
    for line in sys.stdin:
        asked = json.loads(line)
        form = asked["form"], asked.get("gzip", False)
        if form not in clients:
            codec = google_protobuf_json_codec() if form[0] == "json" else google_protobuf_binary_codec()
            clients[form] = ConnectClientSync(url, codec=codec, send_compression=GzipCompression() if form[1] else None)
        print(json.dumps(call(clients[form], methods[asked["method"]], asked)), flush=True)  # noqa: T201


def call(client, method, asked):
    request = ParseDict(asked["message"], GetMessageClass(method.input_type)())
    for name, size in asked.get("fill", {}).items():
        setattr(request, name, kept[name] if size < 0 else "abcdefghijklmnop" * (size // 16))
    info = MethodInfo(
        name=method.name,
        service_name=SERVICE,
        input=GetMessageClass(method.input_type),
        output=GetMessageClass(method.output_type),
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.UNARY,
    )
    headers = {"authorization": f"Bearer {asked['token']}"} if asked["token"] else {}
    try:
        answer = client.execute_unary(request=request, method=info, headers=headers, timeout_ms=asked.get("timeout_ms"))
    except ConnectError as refused:
        return {"code": refused.code.value, "text": refused.message}
    if "fill" not in asked:
        return {"answer": MessageToDict(answer)}
    texts = {each.name: getattr(answer, each.name) for each in method.output_type.fields}
    kept.update(texts)
    return {"sizes": {name: len(text) for name, text in texts.items()}}


main(*sys.argv[1:])
