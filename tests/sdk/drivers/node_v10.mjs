// Node 10 and later: lists page by themselves, deletes check the version, and data keys can be rekeyed.

import { common, converse, page, rows } from "./conversation.mjs";

await converse({
  ...common,
  delete: (vault, { id, version_check }) => vault.deleteObject({ id, versionCheck: version_check }),
  page: async (vault, options) => page(await vault.listObjects(withDate(options))),
  walk: async (vault, filters) => rows(await (await vault.listObjects(withDate(filters))).autoPagination()),
  rekey: async (vault, { encrypted_keys, context }) => {
    const pair = await vault.createRekey({ encryptedKeys: encrypted_keys, context });
    return { id: pair.id, data_key: pair.dataKey, context: pair.context, encrypted_keys: pair.encryptedKeys };
  },
});

// The time as the Date that the types ask for; the SDK sends it as JavaScript prints it.
function withDate({ updated_after, ...options }) {
  return { ...options, updatedAfter: updated_after && new Date(updated_after) };
}
