import { env, withEnv } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.restoreAllMocks();
});

let starts = 0;

/** Starts the Worker with other variables. @returns a function that sends it requests */
async function workerWith(variables: Record<string, unknown>) {
  // The query makes it another module. Resetting all modules would change the class of running Durable Objects.
  const file = `../src/index.ts?start=${starts++}`;
  // The test runner needs its own bindings in the environment to load modules.
  const changed = { ...env, ...variables };
  const module = (await withEnv(changed, () => import(file))) as typeof import('../src/index.ts');
  const worker = module.default;
  return (path: string, init?: RequestInit) =>
    Promise.resolve(
      worker.fetch(new Request(`https://edge.test${path}`, init) as never, changed as never, {} as never),
    );
}

describe('the Worker with a bad configuration', () => {
  it.each(['/v2/', '/v2/a/blobs/uploads/', '/', '/anything'])(
    'answers %s with 503 in OCI JSON that names every bad variable but none of the values',
    async (path) => {
      const log = vi.spyOn(console, 'log').mockImplementation(() => {});
      const fetch = await workerWith({
        ORIGIN_URL: 'https://user:hunter2@registry.example.com',
        BLOBDESCRIPTOR: 'redis',
        UPSTASH_REDIS_REST_URL: 'https://eu1.upstash.io',
        UPSTASH_REDIS_REST_TOKEN: 'to ken-hunter2',
        DESCRIPTOR_TTL: 'hunter2',
      });
      const response = await fetch(path);
      const text = await response.text();
      expect([response.status, response.headers.get('content-type')]).toEqual([503, 'application/json']);
      const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] };
      expect(errors.map(({ code }) => code)).toEqual(['UNAVAILABLE']);
      for (const name of ['ORIGIN_URL', 'UPSTASH_REDIS_REST_TOKEN', 'DESCRIPTOR_TTL']) {
        expect(errors[0]?.message).toContain(name);
      }
      const logged = log.mock.calls.flat().join('\n');
      expect(logged).toContain('DESCRIPTOR_TTL');
      expect(text + logged).not.toContain('hunter2');
    },
  );
});
