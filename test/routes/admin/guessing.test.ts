import { serializeSigned } from 'hono/utils/cookie';
import { beforeEach, describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../../support/edge.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';

const LOGIN = '/_edge/login';
const ADDRESS = { 'cf-connecting-ip': '192.0.2.1' };
const FROM_PAGE = { ...ADDRESS, 'sec-fetch-site': 'same-origin' };
const MAX_FAILURES = 30;
const TIMES = Array.from({ length: MAX_FAILURES });

let edge: Edge;
beforeEach(() => {
  edge = createEdge({ ADMIN_TOKEN });
});

/** Whether the address may still do what the `ADMIN_TOKEN` opens. */
async function isBlocked(): Promise<boolean> {
  return (await edge.fetch('/_edge/budget', { headers: { ...ADDRESS, ...OPERATOR } })).status === 401;
}

function post(body: BodyInit, headers: Record<string, string> = FROM_PAGE): RequestInit {
  return { method: 'POST', body, headers, redirect: 'manual' };
}

describe('guessing the ADMIN_TOKEN', () => {
  it('is counted where sessions are signed with what is guessed', async () => {
    const at = edge.clock.now() + 60_000;
    const cookie = await serializeSigned('registry-edge', `${at}-guess`, `session ${ADMIN_TOKEN}x`);
    for (const _time of TIMES) {
      const page = await edge.fetch('/_edge/', { headers: { ...ADDRESS, cookie } });
      expect([page.status, (await page.text()).includes('<h1>Log in</h1>')]).toEqual([401, true]);
    }
    expect(await isBlocked()).toBe(true);
  });

  it('is counted from the beginning of a login, of which many cannot be tried at the same time', async () => {
    const logins = TIMES.map(() => {
      const { readable, writable } = new TransformStream<Uint8Array>();
      return { writer: writable.getWriter(), ...edge.send(LOGIN, post(readable)) };
    });
    expect(await isBlocked()).toBe(true);
    for (const { writer, answer, over } of logins) {
      await Promise.all([
        writer.write(new TextEncoder().encode(`token=${ADMIN_TOKEN}`)).then(() => writer.close()),
        over,
      ]);
      expect((await answer).status).toBe(303);
    }
    expect(await isBlocked()).toBe(false);
  });
});

// Otherwise any page could lock out who visits it, and the registry whose events come from the same address.
describe('what a page can make its visitor send is no guess', () => {
  it.each<[string, string, RequestInit]>([
    ['a request', '/_edge/metrics', { headers: ADDRESS }],
    ['a preflight', '/_edge/budget', { method: 'OPTIONS', headers: ADDRESS }],
    ['a login', LOGIN, post(new URLSearchParams({ token: 'wrong' }), { ...ADDRESS, 'sec-fetch-site': 'cross-site' })],
    ['an event', '/_edge/events', post('{}', ADDRESS)],
  ])('%s', async (_what, path, init) => {
    edge = createEdge({ ADMIN_TOKEN, EVENTS_TOKEN: 'registries-know-this' });
    for (const _time of TIMES) expect([400, 401]).toContain((await edge.fetch(path, init)).status);
    expect(await isBlocked()).toBe(false);
  });
});
