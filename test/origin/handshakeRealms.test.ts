import { describe, expect, it } from 'vitest';
import { demandToken } from '../support/demandToken.ts';
import { createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';

const RANGE = { headers: { range: 'bytes=0-0' } };

/** Makes two repositories of one origin that demand tokens of different servers. */
async function twoRealms() {
  const blobs = [await pushBlob(), await pushBlob()] as const;
  const [first, second] = [await demandToken(blobs[0].name), await demandToken(blobs[1].name)];
  return { blobs, first, second, edge: createEdge(first.variables) };
}

describe('an origin whose repositories name different realms', () => {
  it('is sent the token of the realm that the repository names', async () => {
    const { blobs, edge } = await twoRealms();
    for (const { path } of [...blobs, ...blobs]) expect((await edge.fetch(path, RANGE)).status).toBe(206);
  });

  it('names the realm of each once', async () => {
    const { blobs, first, second, edge } = await twoRealms();
    for (const { path } of [...blobs, ...blobs, ...blobs]) await edge.fetch(path, RANGE);
    expect((await second.questions()).length).toBe(1);
    // One was fetched ahead for the other repository, before that named its realm.
    expect((await first.questions()).length).toBe(2);
    for (const { path, name } of blobs) {
      const before = (await rig.requests(`/v2/${name}/`)).length;
      await edge.fetch(path, RANGE);
      expect((await rig.requests(`/v2/${name}/`)).length).toBe(before + 1);
    }
  });
});
