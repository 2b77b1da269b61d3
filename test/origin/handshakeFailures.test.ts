import { describe, expect, it } from 'vitest';
import { demandToken } from '../support/demandToken.ts';
import { createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import type { Script } from '../support/scripted.ts';

const TIMEOUT = { ORIGIN_TIMEOUT: '300ms' };

async function demandingBlob(script: Script) {
  const blob = await pushBlob();
  const demanding = await demandToken(blob.name, script);
  return { blob, ...demanding, edge: createEdge({ ...demanding.variables, ...TIMEOUT }) };
}

/** Returns status and error code; nobody is asked to log in. */
async function refusalOf(response: Response): Promise<[number, string | undefined]> {
  expect(response.headers.has('www-authenticate')).toBe(false);
  expect(response.headers.get('content-type')).toBe('application/json');
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return [response.status, errors[0]?.code];
}

const FAILURES: [what: string, script: Script][] = [
  ['fails', { status: 500 }],
  ['limits the edge', { status: 429 }],
  ['closes the connection', { instead: 'close' }],
  ['does not answer', { instead: 'silence' }],
  ['sends a body that stalls', { bodyWaitMs: 2_000 }],
  ['sends no JSON', { body: '<html></html>' }],
  ['sends null', { body: 'null' }],
  ['sends no token', { body: '{"expires_in":300}' }],
  ['sends an empty token', { body: '{"token":"","access_token":""}' }],
  ['sends a token that is no text', { body: '{"token":7}' }],
  ['sends a token with a line break', { body: '{"token":"a\\r\\nx-injected: b"}' }],
  ['sends a token that is too long', { body: '{"token":"{long}"}', long: 16_385 }],
  ['sends too much', { body: '{"token":"t","more":"{long}"}', long: 70_000 }],
];

describe('a token server that', () => {
  it.each(FAILURES)('%s: a 502 in time, which says what to do', async (_what, script) => {
    const { blob, edge } = await demandingBlob(script);
    const response = await edge.fetch(blob.path);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await refusalOf(response)).toEqual([502, 'UNAVAILABLE']);
  });

  it.each(FAILURES)('%s: the last good tag and manifest are served', async (_what, script) => {
    const manifest = await pushManifest();
    const { variables } = await demandToken(manifest.name, script);
    await rig.forget(`/v2/${manifest.name}/`);
    const edge = createEdge({ ...variables, ...TIMEOUT });
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(200);
    await demandToken(manifest.name, script);
    edge.clock.advance(60_000);
    const stale = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect([stale.status, stale.headers.get('cache-status')]).toEqual([
      ...[200, expect.stringMatching(/detail=unreachable/)],
    ]);
  });

  it.each<[string, Script]>([['refuses', { status: 403 }], ...FAILURES])(
    '%s does not keep anybody from what the origin shows without a token',
    async (_what, script) => {
      const { blob, edge } = await demandingBlob(script);
      expect((await edge.fetch(blob.path)).status).toBeGreaterThanOrEqual(403);
      const open = await pushBlob();
      expect((await edge.fetch(open.path)).status).toBe(200);
    },
  );

  it('fails is left alone for a second', async () => {
    const { blob, edge, questions } = await demandingBlob({ status: 500 });
    for (let n = 0; n < 3; n++) await edge.fetch(blob.path);
    expect((await questions()).length).toBe(1);
    edge.clock.advance(1_000);
    await edge.fetch(blob.path);
    expect((await questions()).length).toBe(2);
  });

  it.each([
    ['30', 30],
    ['3600', 60],
  ])('says Retry-After: %s is not asked for %d s, for whatever repository', async (after, seconds) => {
    const { blob, edge, questions, challenge } = await demandingBlob({
      status: 429,
      headers: { 'retry-after': after },
    });
    const other = await pushBlob();
    await rig.rule({ prefix: `/v2/${other.name}/`, status: 401, headers: { 'www-authenticate': challenge } });
    await edge.fetch(blob.path);
    edge.clock.advance(seconds * 1_000 - 1);
    for (const { path } of [blob, other]) expect((await edge.fetch(path)).status).toBe(502);
    expect((await questions()).length).toBe(1);
    edge.clock.advance(1);
    await edge.fetch(blob.path);
    expect((await questions()).length).toBe(2);
  });

  it.each([400, 401, 403, 404])('refuses with %d: a 403, and it is not asked again for 5 s', async (status) => {
    const { blob, edge, questions } = await demandingBlob({ status, body: '{"errors":[{"code":"DENIED"}]}' });
    for (let n = 0; n < 3; n++) expect(await refusalOf(await edge.fetch(blob.path))).toEqual([403, 'DENIED']);
    expect((await questions()).length).toBe(1);
    edge.clock.advance(5_000);
    await edge.fetch(blob.path);
    expect((await questions()).length).toBe(2);
  });
});

describe('an origin that refuses everybody', () => {
  it.each([
    ['a login', 'Basic realm="r"'],
    ['nothing', undefined],
    ['a token without a realm', 'Bearer service="s"'],
  ])('and demands %s: a 403 without a challenge', async (_what, challenge) => {
    const blob = await pushBlob();
    const headers = { ...(challenge && { 'www-authenticate': challenge }), 'ratelimit-remaining': '7' };
    await rig.rule({ prefix: `/v2/${blob.name}/`, status: 401, headers });
    const response = await createEdge({ CLIENT_AUTH: 'anonymous' }).fetch(blob.path);
    expect(response.headers.get('ratelimit-remaining')).toBe('7');
    expect(await refusalOf(response)).toEqual([403, 'DENIED']);
  });

  it.each(['HEAD', 'OPTIONS'])('is refused to a %s, too', async (method) => {
    const blob = await pushBlob();
    await rig.rule({ prefix: `/v2/${blob.name}/`, status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } });
    const response = await createEdge({ CLIENT_AUTH: 'anonymous' }).fetch(blob.path, { method });
    expect([response.status, response.headers.has('www-authenticate')]).toEqual([403, false]);
  });

  it.each(['/v2/_catalog', '/v2/some/extension'])('has no token for %s, which no pull covers', async (path) => {
    const { variables, questions, challenge } = await demandToken('unused/by/anybody');
    await rig.rule({ prefix: path, status: 401, headers: { 'www-authenticate': challenge }, times: 1 });
    const response = await createEdge(variables).fetch(path);
    expect([response.status, response.headers.has('www-authenticate')]).toEqual([403, false]);
    expect(await questions()).toEqual([]);
  });

  it('a challenge beside any other answer is not relayed either', async () => {
    const blob = await pushBlob();
    const headers = { 'www-authenticate': 'Basic realm="r"', 'content-type': 'application/json' };
    await rig.rule({ prefix: `/v2/${blob.name}/`, status: 404, headers, body: '{"errors":[]}' });
    const response = await createEdge({ CLIENT_AUTH: 'anonymous' }).fetch(blob.path);
    expect([response.status, response.headers.has('www-authenticate')]).toEqual([404, false]);
    expect(await response.text()).toBe('{"errors":[]}');
  });
});

describe('a crowd that asks for unknown repositories', () => {
  it('makes the edge ask for a bounded number of tokens, and leaves known repositories alone', async () => {
    const { blob, edge, questions, challenge } = await demandingBlob({});
    expect((await edge.fetch(blob.path)).status).toBe(200);
    const crowd = `crowd-${crypto.randomUUID()}`;
    await rig.rule({ prefix: `/v2/${crowd}/`, status: 401, headers: { 'www-authenticate': challenge } });
    const statuses: number[] = [];
    for (let n = 0; n < 300; n++) {
      const response = await edge.fetch(`/v2/${crowd}/n${n}/manifests/latest`, manifestRequest('HEAD'));
      statuses.push(response.status);
    }
    expect(statuses).toEqual([...Array(100).fill(403), ...Array(200).fill(502)]);
    expect((await questions()).length).toBe(101);
    expect((await edge.fetch(blob.path)).status).toBe(200);
    // Its token is renewed, too: only a second has brought one more credit.
    edge.clock.advance(300_000);
    expect((await edge.fetch(blob.path)).status).toBe(200);
  });
});
