import { expect, it } from 'vitest';
import { createEdge } from '../support/edge.ts';
import { sha256 } from '../support/push.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';

const BODY = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST });
const DIGEST = await sha256(BODY);
const OTHER_DIGEST = await sha256('another');
const HEADERS = { accept: OCI_MANIFEST, authorization: 'Basic YWxpY2U=' };

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
}

const QUESTION: Asked = { method: 'HEAD', path: `/v2/a/b/manifests/${DIGEST}`, headers: HEADERS };

/** Asks two questions at the same time. @returns how many of them the origin, which has everything, was asked */
async function countAsked(one: Asked, other: Asked): Promise<number> {
  const origin = createScriptedServer({
    headers: { 'content-type': OCI_MANIFEST, 'content-length': String(BODY.length) },
    ...{ body: BODY, waitMs: 300 },
  });
  const variables = { BLOBDESCRIPTOR: 'inmemory', MIRRORED_HOSTS: 'mirror.test' };
  const edge = createEdge({ ...variables, ORIGIN_URL: origin.url });
  await Promise.all([one, other].map(({ path, ...init }) => edge.fetch(path, init)));
  return (await origin.calls()).length;
}

it('two identical questions at the same time are one question to the origin', async () => {
  expect(await countAsked(QUESTION, QUESTION)).toBe(1);
});

it.each<[string, Partial<Asked>]>([
  ['method', { method: 'GET' }],
  ['link set', { path: `/v2/a/b/blobs/${DIGEST}` }],
  ['repository', { path: `/v2/a/b/c/manifests/${DIGEST}` }],
  ['digest', { path: `/v2/a/b/manifests/${OTHER_DIGEST}` }],
  ['Accept', { headers: { ...HEADERS, accept: `${OCI_MANIFEST}, ${OCI_INDEX}` } }],
  ['ns', { path: `${QUESTION.path}?ns=mirror.test` }],
  ['credential', { headers: { ...HEADERS, authorization: 'Basic Ym9i' } }],
])('two questions at the same time are asked separately if they differ in the %s', async (_what, change) => {
  expect(await countAsked(QUESTION, { ...QUESTION, ...change })).toBe(2);
});
