import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createBridge } from '../../local/upstash/bridge.ts';
import { connectRedis } from '../../local/upstash/redis.ts';
import { startRedisReplies } from './redisReplies.ts';

const redis = inject('redis');

describe.skipIf(!redis)('the Upstash REST API in front of a real Redis', () => {
  const { url, token } = redis ?? { url: '', token: '' };
  const key = `test:${crypto.randomUUID()}`;
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  beforeAll(() => post('/', ['SET', key, 'ü']));
  afterAll(() => post('/', ['DEL', key]));

  it.each<[string, unknown, number, unknown]>([
    ['/', ['GET', key], 200, { result: 'ü' }],
    ['/', ['GET', `${key}:absent`], 200, { result: null }],
    ['/', ['STRLEN', key], 200, { result: 2 }],
    ['/', ['HGET', key, 'a'], 400, { error: expect.stringContaining('WRONGTYPE') }],
    ['/', ['NOSUCH'], 400, { error: expect.stringContaining("unknown command 'NOSUCH'") }],
    ['/', 'no json', 400, { error: expect.stringContaining('ERR') }],
    ['/', [], 400, { error: expect.stringContaining('ERR') }],
    ['/', [['GET', key]], 400, { error: expect.stringContaining('ERR') }],
    ['/', ['MULTI'], 400, { error: expect.stringContaining('ERR') }],
    ['/', ['subscribe', 'x'], 400, { error: expect.stringContaining('ERR') }],
    [
      '/pipeline',
      [
        ['GET', key],
        ['HGET', key, 'a'],
        ['HMGET', `${key}:h`, 'x', 'y'],
      ],
      200,
      [{ result: 'ü' }, { error: expect.stringContaining('WRONGTYPE') }, { result: [null, null] }],
    ],
    ['/pipeline', [], 400, { error: expect.stringContaining('ERR') }],
    [
      '/multi-exec',
      [
        ['SET', key, 'ü'],
        ['GET', key],
      ],
      200,
      [{ result: 'OK' }, { result: 'ü' }],
    ],
    ['/multi-exec', [['NOSUCH'], ['DEL', key]], 400, { error: expect.stringContaining('unknown command') }],
    ['/nowhere', ['GET', key], 404, { error: expect.stringContaining('ERR') }],
  ])('POST %s %j: %i', async (path, body, status, expected) => {
    const response = await post(path, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual(expected);
  });

  it('executes no command of a transaction that Redis refuses', async () => {
    await post('/multi-exec', [['DEL', key], ['NOSUCH']]);
    expect(await (await post('/', ['GET', key])).json()).toEqual({ result: 'ü' });
  });

  it('encodes every string except OK if the client asks for base64', async () => {
    const response = await post(
      '/pipeline',
      [
        ['GET', key],
        ['SET', key, 'ü'],
        ['STRLEN', key],
      ],
      { 'upstash-encoding': 'base64' },
    );
    expect(await response.json()).toEqual([{ result: 'w7w=' }, { result: 'OK' }, { result: 2 }]);
  });

  it.each(['', 'Bearer wrong', `Basic ${token}`, `Bearer ${token}x`])('refuses %j with 401', async (authorization) => {
    const response = await post('/', ['GET', key], { authorization });
    expect([response.status, await response.json()]).toEqual([401, { error: 'Unauthorized' }]);
  });

  it.each([
    [9_900_000, 200],
    [10_100_000, 413],
  ])('answers a body of %i bytes with %i', async (bytes, status) => {
    expect((await post('/', ['SET', `${key}:large`, 'x'.repeat(bytes)])).status).toBe(status);
    await post('/', ['DEL', `${key}:large`]);
  });

  it('isolates concurrent transactions from each other', async () => {
    const counter = `${key}:n`;
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () =>
        (
          await post('/multi-exec', [
            ['INCR', counter],
            ['GET', counter],
          ])
        ).json(),
      ),
    );
    for (const [incremented, read] of answers as [{ result: number }, { result: string }][]) {
      expect(String(incremented.result)).toBe(read.result);
    }
    await post('/', ['DEL', counter]);
  });

  it('works with the Upstash client', async () => {
    const client = new Redis({ url, token });
    await client.hset(key + 1, { a: 'b', n: 1 });
    expect(await client.hgetall(key + 1)).toEqual({ a: 'b', n: 1 });
    expect(
      await client
        .pipeline()
        .hget(key + 1, 'a')
        .del(key + 1)
        .exec(),
    ).toEqual(['b', 1]);
  });
});

describe('the Upstash REST API in front of a Redis that stops answering', () => {
  it.concurrent.each([
    ['/', ['GET', 'a']],
    ['/pipeline', [['GET', 'a']]],
    ['/multi-exec', [['GET', 'a']]],
  ])('answers POST %s with 500', async (path, body) => {
    const server = await startRedisReplies('+OK\r\n', 'GET');
    const silent = await connectRedis(`redis://127.0.0.1:${server.port}`);
    const init = { method: 'POST', headers: { authorization: 'Bearer token' }, body: JSON.stringify(body) };
    const response = await createBridge(silent, 'token').request(path, init);
    await silent.close();
    server.close();
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: expect.stringContaining('not reachable') });
  });
});

describe('the Upstash REST API', () => {
  it.each([
    [9_900_000, 200],
    [10_100_000, 413],
  ])('answers a body of %i bytes, which does not say its length, with %i', async (bytes, status) => {
    const commands = { run: async () => 'OK', pipeline: async () => [], transaction: async () => [] };
    const body = new Blob([JSON.stringify(['SET', 'a', 'x'.repeat(bytes)])]).stream();
    const init = { method: 'POST', headers: { authorization: 'Bearer token' }, body, duplex: 'half' as const };
    expect((await createBridge(commands, 'token').request('/', init)).status).toBe(status);
  });
});
