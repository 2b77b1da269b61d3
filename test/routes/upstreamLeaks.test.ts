import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { pushBlob } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { STORES } from '../support/stores.ts';
import { accessTo, createIssuer, verifying } from '../support/tokens.ts';

const [ONE, OTHER] = ['https://one.test', 'https://other.test'];
const QUESTIONS = [
  'HEAD blob',
  'GET blob',
  'HEAD manifest',
  'GET manifest',
  'HEAD tag',
  'GET tag',
  'GET tags',
  'base',
] as const;
type Question = (typeof QUESTIONS)[number];
/** Who asks; `verified` and `puller` have a token that the edge verifies, for the first upstream. */
const CALLERS = ['nobody', 'basic', 'verified', 'puller'] as const;
const WAYS = ['origin', 'anonymous'] as const;
/** What the other registry says to everybody. */
const REFUSALS = [401, 403, 404, 503];
const CELLS = STORES.flatMap((store) =>
  WAYS.flatMap((clientAuth) =>
    CALLERS.filter((caller) => clientAuth === 'origin' || caller === 'nobody').map((caller) => ({
      ...{ store: store.name, variables: store.variables, clientAuth, caller },
    })),
  ),
);

const issuer = await createIssuer();

describe.each(CELLS)('cache in $store, CLIENT_AUTH=$clientAuth, $caller', ({ variables, clientAuth, caller }) => {
  it.each(REFUSALS)('what one registry gave, the other one, which answers %d, does not give', async (status) => {
    const { name } = await pushManifest();
    const [blob, manifest] = [await pushBlob('content', name), await pushManifest({ name })];
    const server = createScriptedServer({ status, body: '{}', headers: { 'content-type': 'application/json' } });
    const ofRegistry = clientAuth === 'origin' ? verifying(issuer, { PULL_ONLY_SUBJECTS: 'puller' }) : {};
    const upstreams = {
      one: {
        ORIGIN_URL: inject('originUrl'),
        CLIENT_AUTH: clientAuth,
        HOSTS: 'one.test',
        LIST_TTL: '1h',
        ...ofRegistry,
      },
      other: { ORIGIN_URL: server.url, CLIENT_AUTH: clientAuth, HOSTS: 'other.test', LIST_TTL: '1h' },
    };
    const edge: Edge = createEdge({ ...variables, ORIGIN_URL: '', UPSTREAMS: JSON.stringify(upstreams) });
    const subject = caller === 'puller' ? 'puller' : 'pusher';
    const authorization = {
      nobody: undefined,
      basic: 'Basic YTpi',
      verified: `Bearer ${await issuer.issue({ ...accessTo(name, ['pull']), sub: subject })}`,
      puller: `Bearer ${await issuer.issue({ ...accessTo(name, ['pull']), sub: subject })}`,
    }[caller];
    const paths: Record<Question, string> = {
      ...{ 'HEAD blob': blob.path, 'GET blob': blob.path, 'GET tags': `/v2/${name}/tags/list`, base: '/v2/' },
      ...{ 'HEAD manifest': manifest.path, 'GET manifest': manifest.path },
      ...{ 'HEAD tag': manifest.tagPath, 'GET tag': manifest.tagPath },
    };
    const ask = (host: string, question: Question) => {
      const method = question.startsWith('HEAD') ? 'HEAD' : 'GET';
      const { headers } = manifestRequest(method);
      return edge.fetch(host + paths[question], {
        method,
        headers: { ...(headers as object), ...(authorization && { authorization }) },
      });
    };
    for (const question of [...QUESTIONS, ...QUESTIONS]) expect((await ask(ONE, question)).status, question).toBe(200);
    for (const question of QUESTIONS) {
      const asked = (await server.calls()).length;
      const answer = await ask(OTHER, question);
      expect([question, cacheStatusOf(answer) ?? '']).toEqual([question, expect.not.stringContaining('; hit')]);
      // An open mirror says itself that it is a registry.
      if (question === 'base' && clientAuth === 'anonymous') continue;
      expect([question, answer.status]).toEqual([
        question,
        clientAuth === 'anonymous' && status === 401 ? 403 : status,
      ]);
      expect((await server.calls()).length, question).toBeGreaterThan(asked);
    }
    // Nor does the refusal of the other one take anything away here.
    expect(cacheStatusOf(await ask(ONE, 'HEAD blob'))).toContain('; hit');
  });
});
