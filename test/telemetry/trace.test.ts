import { describe, expect, it } from 'vitest';
import { continueTrace } from '../../src/telemetry/trace.ts';
import { USER_AGENT } from '../../src/version.ts';
import { demandToken } from '../support/demandToken.ts';
import { createEdge } from '../support/edge.ts';
import { OPEN } from '../support/failingEdge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { pushToStorage } from '../support/storage.ts';

const [ID, PARENT] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
const GIVEN = `00-${ID}-${PARENT}-01`;
const trace = (traceparent: string, more: Record<string, string> = {}) =>
  continueTrace(new Headers({ traceparent, ...more }));

describe('continueTrace', () => {
  it('keeps the trace and its flags, with a span of its own', () => {
    const [one, other] = [trace(GIVEN), trace(GIVEN)];
    expect(one).toMatchObject({ id: ID, span: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(one).toMatchObject({ parent: `00-${ID}-${one?.span}-01`, state: undefined });
    expect(new Set([one?.span, other?.span, PARENT]).size).toBe(3);
  });

  it('hands tracestate on as it is', () => {
    const tracestate = 'congo=t61rcWkgMzE, rojo=00f0';
    expect(trace(GIVEN, { tracestate })?.state).toBe(tracestate);
  });

  it('reads a later version as far as it is known, and clears flags that are not', () => {
    expect(trace(`cc-${ID}-${PARENT}-ff-more`)?.parent).toMatch(new RegExp(`^00-${ID}-[0-9a-f]{16}-03$`));
    expect(trace(`cc-${ID}-${PARENT}-00`)?.parent).toMatch(/-00$/);
  });

  it.each([
    ['empty', ''],
    ['too short', `00-${ID}-${PARENT}`],
    ['too long for its version', `${GIVEN}-more`],
    ['too long without a separator', `cc-${ID}-${PARENT}-01more`],
    ['in upper case', GIVEN.toUpperCase()],
    ['of no version', `ff-${ID}-${PARENT}-01`],
    ['without a trace', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['without a parent', `00-${ID}-${'0'.repeat(16)}-01`],
    ['two', `${GIVEN}, ${GIVEN}`],
    ['with letters', `00-${ID.replace('a', 'g')}-${PARENT}-01`],
  ])('drops a traceparent that is %s, and tracestate with it', (_what, traceparent) => {
    expect(trace(traceparent, { tracestate: 'a=b' })).toBeUndefined();
  });
});

describe.each([
  ['as the caller', {}, 'a=b'],
  // One caller's free text must not make the origin refuse everybody.
  ['as nobody', OPEN, undefined],
] as const)('an edge that asks %s', (_as, variables, state) => {
  const headers = { traceparent: GIVEN, tracestate: 'a=b' };
  const tracesAt = async (path: string) =>
    (await rig.requests(path)).map(({ headers: { traceparent, tracestate } }) => [traceparent, tracestate]);

  it('hands a trace on to the origin, and names it in the line of the log', async () => {
    const edge = createEdge(variables);
    const blob = await pushBlob();
    await edge.fetch(blob.path, { method: 'HEAD', headers });
    const line = edge.log.map((text) => JSON.parse(text)).find(({ message }) => message === 'request');
    expect(line).toMatchObject({ trace: ID, originMs: 0 });
    expect(await tracesAt(blob.path)).toEqual([[`00-${ID}-${line.span}-01`, state]]);
    const manifest = await pushManifest();
    const request = manifestRequest('GET');
    await edge.fetch(manifest.tagPath, { ...request, headers: { ...request.headers, ...headers } });
    expect(await tracesAt(manifest.tagPath)).toContainEqual([expect.stringContaining(ID), state]);
  });

  it('keeps it from the storage to which the origin redirects', async () => {
    const edge = createEdge({ ...variables, BLOB_REDIRECT: 'follow' });
    for (const method of ['HEAD', 'GET']) {
      const blob = await pushToStorage();
      await edge.fetch(blob.path, { method, headers });
      expect(await tracesAt(blob.path)).toContainEqual([expect.stringContaining(ID), state]);
      const asked = await tracesAt(blob.at);
      expect(asked.length).toBeGreaterThan(0);
      for (const seen of asked) expect(seen).toEqual([undefined, undefined]);
    }
  });

  it('hands nothing malformed on', async () => {
    const edge = createEdge(variables);
    const blob = await pushBlob();
    await edge.fetch(blob.path, { method: 'HEAD', headers: { ...headers, traceparent: `${GIVEN}-x` } });
    expect(await tracesAt(blob.path)).toEqual([[undefined, undefined]]);
  });
});

it('keeps a trace from the token server, which learns the name and the version of the edge', async () => {
  const blob = await pushBlob();
  const { variables, headers: sent } = await demandToken(blob.name);
  const edge = createEdge(variables);
  await edge.fetch(blob.path, { method: 'HEAD', headers: { traceparent: GIVEN, tracestate: 'a=b' } });
  const [headers = {}] = await sent();
  expect(headers).toMatchObject({ 'user-agent': USER_AGENT });
  expect(headers).not.toHaveProperty('traceparent');
  expect(headers).not.toHaveProperty('tracestate');
});

it("the origin sees the client's own User-Agent where it is asked as the client", async () => {
  const blob = await pushBlob();
  for (const [variables, expected] of [
    [{}, 'docker/29.1'],
    [OPEN, USER_AGENT],
  ] as const) {
    await createEdge(variables).fetch(blob.path, { method: 'HEAD', headers: { 'user-agent': 'docker/29.1' } });
    expect((await rig.requests(blob.path)).at(-1)?.headers['user-agent']).toBe(expected);
  }
});
