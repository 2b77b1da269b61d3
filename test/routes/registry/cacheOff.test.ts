import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { pushImage } from '../../support/images.ts';
import { manifestRequest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';

/** What the runbook sets when wrong answers come back (docs/operations.md). */
const OFF = {
  ...{ DESCRIPTOR_TTL: '0', PUSH_EXISTENCE_TTL: '0', TAG_TTL: '0', LIST_TTL: '0' },
  ...{ STALE_IF_ERROR: '0', MEMORY_TTL: '0' },
};

describe.each(STORES)('an edge whose windows are all 0, cache in $name', ({ variables }) => {
  it.each(['origin', 'anonymous'])('is a proxy, whatever is stored: CLIENT_AUTH=%s', async (CLIENT_AUTH) => {
    const { name, manifest, blobs } = await pushImage();
    const blobPath = `/v2/${name}/blobs/${blobs[0]?.digest}`;
    const askAll = async (edge: Edge) => {
      const answers = [await edge.fetch(blobPath, { method: 'HEAD' })];
      for (const path of [manifest.tagPath, manifest.path])
        for (const method of ['HEAD', 'GET'] as const) answers.push(await edge.fetch(path, manifestRequest(method)));
      return answers.map((answer) => [answer.status, cacheStatusOf(answer)?.includes('; hit')]);
    };
    const usual = createEdge({ ...variables, CLIENT_AUTH });
    await askAll(usual);
    expect(await askAll(usual)).toContainEqual([200, true]);

    const off = createEdge({ ...variables, CLIENT_AUTH, ...OFF }, { clock: usual.clock });
    for (let n = 0; n < 2; n++) {
      for (const answer of await askAll(off)) expect(answer).toEqual([200, false]);
    }
  });
});
