import { describe, expect, inject, it } from 'vitest';
import { uniqueDigest, uniqueName } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';

const RANGE = { headers: { range: 'bytes=0-0' } };

/** Makes a repository demand a token of a server that gives one, and then answers as these rules say. */
async function issuedOnce(status: number, headers: Record<string, string> = {}) {
  const blob = await pushBlob();
  const server = `/v2/${uniqueName()}/token`;
  await rig.rule({ prefix: server, status: 200, body: '{"token":"first","expires_in":300}', times: 1 });
  await rig.rule({ prefix: server, status, headers });
  const challenge = { 'www-authenticate': `Bearer realm="${inject('originUrl')}${server}"` };
  // A path of the repository that the token is not good for.
  const odd = `/v2/${blob.name}/blobs/${uniqueDigest()}`;
  await rig.rule({ prefix: odd, status: 401, headers: challenge });
  await rig.rule({ prefix: blob.path, unlessAuthorization: 'Bearer first', status: 401, headers: challenge });
  const edge = createEdge({ CLIENT_AUTH: 'anonymous' });
  expect((await edge.fetch(blob.path, RANGE)).status).toBe(206);
  edge.clock.advance(10_000);
  return { blob, odd, edge, questions: async () => (await rig.requests(server)).length };
}

describe('a token server that fails later', () => {
  it.each<[string, number, Record<string, string>]>([
    ['is down', 500, {}],
    ['asks for a pause', 429, { 'retry-after': '30' }],
  ])('%s: the token that it gave is used until it expires', async (_what, status, headers) => {
    const { blob, odd, edge, questions } = await issuedOnce(status, headers);
    // The odd path costs nobody else the token.
    expect((await edge.fetch(odd)).status).toBe(502);
    expect((await edge.fetch(blob.path, RANGE)).status).toBe(206);
    expect(await questions()).toBe(2);
    // It does not make the edge ask each time either.
    expect((await edge.fetch(odd)).status).toBe(502);
    expect(await questions()).toBe(2);
    edge.clock.advance(1_000);
    expect((await edge.fetch(blob.path, RANGE)).status).toBe(206);
  });
});
