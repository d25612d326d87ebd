// Node 7 and 8: lists are plain pages, which the caller walks.

import { common, converse, rows } from "./conversation.mjs";

await converse({
  ...common,
  delete: (vault, { id }) => vault.deleteObject({ id }),
  walk: async (vault) => {
    const walked = [];
    let after;
    do {
      const list = await vault.listObjects({ after });
      walked.push(...rows(list.data));
      after = list.listMetadata.after;
    } while (after);
    return walked;
  },
});
