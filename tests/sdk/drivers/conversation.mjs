// What the Node drivers share: a line of JSON in, a line of JSON out; and the shapes that all versions return.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

// Answer until the input ends. `calls` has a function for each call, of an SDK's vault, the arguments and its client.
export async function converse(calls) {
  const [url, sdkFolder] = process.argv.slice(2);
  const { WorkOS } = createRequire(join(sdkFolder, "package.json"))("@workos-inc/node");
  const { hostname, port } = new URL(url);
  const clients = new Map();
  for await (const line of createInterface({ input: process.stdin })) {
    const { call, token, arguments: options } = JSON.parse(line);
    let answer;
    try {
      if (!clients.has(token)) {
        clients.set(token, new WorkOS(token, { apiHostname: hostname, port: Number(port), https: false }));
      }
      const client = clients.get(token);
      answer = { returned: (await calls[call](client.vault, options, client)) ?? null };
    } catch (error) {
      answer = { raised: error.name, message: error.message, trace: error.stack };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0); // kept-alive connections would hold it
}

export function metadata(shown) {
  return {
    id: shown.id,
    environment_id: shown.environmentId,
    key_id: shown.keyId,
    updated_by: shown.updatedBy,
    updated_at: shown.updatedAt,
    context: shown.context,
    version_id: shown.versionId,
  };
}

export function object(shown) {
  return { id: shown.id, name: shown.name, value: shown.value, metadata: metadata(shown.metadata) };
}

export function rows(list) {
  return list.map((row) => ({ id: row.id, name: row.name, updated_at: row.updatedAt }));
}

export function versions(list) {
  return list.map((row) => ({ id: row.id, created_at: row.createdAt, current_version: row.currentVersion }));
}

export function page(list) {
  const { before, after } = list.listMetadata;
  return { rows: rows(list.data), before: before ?? null, after: after ?? null };
}

// The calls that are the same in all versions
export const common = {
  create: async (vault, options) => metadata(await vault.createObject(options)),
  read: async (vault, { id }) => object(await vault.readObject({ id })),
  read_by_name: async (vault, { name }) => object(await vault.readObjectByName(name)),
  describe: async (vault, { id }) => object(await vault.describeObject({ id })),
  update: async (vault, { id, value, version_check }) =>
    object(await vault.updateObject({ id, value, versionCheck: version_check })),
  versions: async (vault, { id }) => versions(await vault.listObjectVersions({ id })),
  page: async (vault, options) => page(await vault.listObjects(options)),
  create_data_key: async (vault, { context }) => {
    const { dataKey, encryptedKeys, context: returned } = await vault.createDataKey({ context });
    return { id: dataKey.id, data_key: dataKey.key, context: returned, encrypted_keys: encryptedKeys };
  },
  decrypt_data_key: async (vault, { keys }) => {
    const { id, key } = await vault.decryptDataKey({ keys });
    return { id, data_key: key };
  },
  generate_link: async (_vault, { organization, intent, return_url, success_url }, client) => {
    const portal = client.adminPortal ?? client.portal; // its name in 10 and later, and in 7 and 8
    const { link } = await portal.generateLink({
      organization,
      intent,
      returnUrl: return_url,
      successUrl: success_url,
    });
    return link;
  },
  encrypt: (vault, { text, context, associated_data }) => vault.encrypt(text, context, associated_data ?? undefined),
  decrypt: (vault, { ciphertext, associated_data }) => vault.decrypt(ciphertext, associated_data ?? undefined),
};
