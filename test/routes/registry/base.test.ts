import { describe, expect, it } from 'vitest';
import { createEdge } from '../../support/edge.ts';
import { createScriptedServer, type Script } from '../../support/scripted.ts';

const CHALLENGE = 'Bearer realm="https://auth.test/token",service="registry.test"';
const REFUSAL: Script = {
  status: 401,
  body: '{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}',
  headers: { 'www-authenticate': CHALLENGE, 'content-type': 'application/json', 'ratelimit-remaining': '7' },
};

function facing(script: Script) {
  const server = createScriptedServer(script);
  const edge = createEdge({ ORIGIN_URL: server.url });
  return { edge, questions: async () => (await server.calls()).length };
}

describe('GET /v2/ without a credential', () => {
  it('is asked once a minute: the challenge is given again, as it was, but for what concerns one caller', async () => {
    const { edge, questions } = facing(REFUSAL);
    const answers = [await edge.fetch('/v2/'), await edge.fetch('/v2/')];
    for (const answer of answers) {
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, CHALLENGE]);
      expect(await answer.text()).toBe(REFUSAL.body);
      expect(answer.headers.has('cache-status')).toBe(false);
    }
    expect(answers.map(({ headers }) => headers.get('ratelimit-remaining'))).toEqual(['7', null]);
    expect(await questions()).toBe(1);
    edge.clock.advance(60_000);
    await edge.fetch('/v2/');
    expect(await questions()).toBe(2);
  });

  it('is a hit where the origin lets everybody in', async () => {
    const { edge, questions } = facing({ body: '{}', headers: { 'content-type': 'application/json' } });
    await edge.fetch('/v2/');
    expect((await edge.fetch('/v2/')).headers.get('cache-status')).toBe('registry-edge; hit');
    expect(await questions()).toBe(1);
  });

  it.each<[string, Script]>([
    ['a challenge for one request', { ...REFUSAL, headers: { 'www-authenticate': 'Digest realm="r", nonce="n"' } }],
    [
      'such a challenge after a lasting one',
      { ...REFUSAL, headers: { 'www-authenticate': 'Basic realm="r", Digest realm="r", nonce="n"' } },
    ],
    ['a 401 without a challenge', { status: 401, body: '{}' }],
    ['a cookie', { ...REFUSAL, headers: { ...REFUSAL.headers, 'set-cookie': 'session=1' } }],
    ['a sign-on page', { body: '<html></html>', headers: { 'content-type': 'text/html' } }],
    ['the answer of a cache', { body: '{}', headers: { age: '10' } }],
    ['a long answer', { body: `"${'x'.repeat(5_000)}"` }],
    ['a 403', { status: 403, body: '{}' }],
    ['a 429', { status: 429, body: '{}' }],
    ['a 503', { status: 503, body: '{}' }],
    ['a redirect', { status: 301, headers: { location: '/v2/' } }],
  ])('is asked every time where the origin answers with %s', async (_what, script) => {
    const { edge, questions } = facing(script);
    for (let n = 0; n < 2; n++)
      expect((await edge.fetch('/v2/', { redirect: 'manual' })).status).toBe(script.status ?? 200);
    expect(await questions()).toBe(2);
  });

  it.each<[string, string, RequestInit]>([
    ['with a credential', '/v2/', { headers: { authorization: 'Basic YTpi' } }],
    ['with another identity', '/v2/', { headers: { cookie: 'a=1' } }],
    ['of a script', '/v2/', { headers: { origin: 'https://ui.test' } }],
    ['with a query', '/v2/?n=1', {}],
    ['by HEAD', '/v2/', { method: 'HEAD' }],
    ['without the slash', '/v2', {}],
  ])('says nothing about one %s', async (_what, path, init) => {
    const { edge, questions } = facing(REFUSAL);
    await edge.fetch('/v2/');
    await edge.fetch(path, init);
    expect(await questions()).toBe(2);
  });
});
