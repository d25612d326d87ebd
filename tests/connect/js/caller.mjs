// A caller of vault.v1 with @connectrpc/connect: one line of JSON at a time says which method to call, and gets its answer.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [url, described, packages] = process.argv.slice(2);
const from = (name) => import(`${packages}/node_modules/${name}`);
const protobuf = await from("@bufbuild/protobuf/dist/esm/index.js");
const { FileDescriptorProtoSchema } = await from("@bufbuild/protobuf/dist/esm/wkt/index.js");
const { createClient, ConnectError, Code } = await from("@connectrpc/connect/dist/esm/index.js");
const node = await from("@connectrpc/connect-node/dist/esm/index.js");
const web = await from("@connectrpc/connect-web/dist/esm/index.js");

const file = protobuf.fromBinary(FileDescriptorProtoSchema, readFileSync(described));
const service = protobuf.createFileRegistry(file, () => undefined).getService("vault.v1.VaultService");
const kept = {}; // texts of the last large answer, to be sent again

function transport({ form, gzip, token }) {
  const authorize = (next) => (request) => {
    if (token) request.header.set("Authorization", `Bearer ${token}`);
    return next(request);
  };
  const options = { baseUrl: url, useBinaryFormat: form === "proto", interceptors: [authorize] };
  if (form === "web") return web.createConnectTransport(options); // JSON, by fetch
  const compressed = gzip ? { sendCompression: node.compressionGzip, compressMinBytes: 0 } : {};
  return node.createConnectTransport({ ...options, ...compressed, httpVersion: "1.1" });
}

function filled(name, size) {
  return size < 0 ? kept[name] : "abcdefghijklmnop".repeat(size / 16);
}

async function call(asked) {
  const method = service.methods.find((each) => each.name === asked.method);
  const message = protobuf.fromJson(method.input, asked.message);
  for (const [name, size] of Object.entries(asked.fill ?? {})) message[name] = filled(name, size);
  const options = asked.timeout_ms ? { timeoutMs: asked.timeout_ms } : {};
  try {
    const answer = await createClient(service, transport(asked))[method.localName](message, options);
    const members = protobuf.toJson(method.output, answer);
    if (!asked.fill) return { answer: members };
    Object.assign(kept, members);
    return { sizes: Object.fromEntries(Object.entries(members).map(([name, text]) => [name, text.length])) };
  } catch (error) {
    const refused = ConnectError.from(error);
    return { code: Code[refused.code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase(), text: refused.message };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await call(JSON.parse(line))));
}
