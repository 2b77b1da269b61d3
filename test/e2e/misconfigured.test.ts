import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startIsolates } from '../../local/edge.ts';
import { head, request } from './support/http.ts';

/** After a deploy nothing but the Worker checks the variables; `npm start` would refuse to start. */
describe('a Worker with a bad configuration', () => {
  let edge: Awaited<ReturnType<typeof startIsolates>>;
  const log: string[] = [];
  beforeAll(async () => {
    const variables = {
      CLIENT_AUTH: 'nobody',
      BLOBDESCRIPTOR: 'redis',
      UPSTASH_REDIS_REST_URL: 'https://user:hunter2@redis.example.com',
      UPSTASH_REDIS_REST_TOKEN: 'top secret',
    };
    edge = await startIsolates([{ hostname: '127.0.0.1', port: 0, variables }], { log: (line) => log.push(line) });
  });
  afterAll(() => edge.stop());

  test('answers every request with 503 in OCI JSON that names each bad variable, and logs the same', async () => {
    for (const path of ['/v2/', '/', `/v2/a/blobs/sha256:${'0'.repeat(64)}`]) {
      const { status, headers, body } = await request('GET', edge.urls[0] + path);
      expect([status, headers['content-type']]).toEqual([503, 'application/json']);
      const [{ code, message }] = JSON.parse(body.toString()).errors;
      expect(code).toBe('UNAVAILABLE');
      for (const name of ['ORIGIN_URL', 'CLIENT_AUTH', 'UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN']) {
        expect(message).toContain(`${name}: expected`);
      }
      expect(message).not.toMatch(/hunter2|top secret/);
    }
    expect((await head(`${edge.urls[0]}/v2/`)).status).toBe(503);
    expect(log.join('\n')).toContain('ORIGIN_URL: expected');
    expect(log.join('\n')).not.toMatch(/hunter2|top secret/);
  });
});
