import { expect, test } from 'vitest';
import { startEdge } from './support/edge.ts';
import { createFuzzer, type Sent, send } from './support/fuzz.ts';
import { request } from './support/http.ts';
import { makeImage } from './support/image.ts';
import { inParallel } from './support/inParallel.ts';
import { type RegistryKind, startRegistry } from './support/registry.ts';
import { expectPush, pull, SUCCESS } from './support/skopeo.ts';
import { type BackendKind, describeWith } from './support/tools.ts';

/** Another seed makes other requests: `FUZZ_SEED=7 npm run test:e2e -- test/e2e/fuzz.test.ts`. */
const SEED = Number(process.env.FUZZ_SEED ?? 20261125);
const REQUESTS = 2_500;
const AT_ONCE = 24;
const LIMIT_MS = 10_000;

const SETUPS: readonly { kind: RegistryKind; backend: BackendKind; clientAuth: string }[] = [
  { kind: 'docker-registry', backend: 'durable', clientAuth: 'origin' },
  { kind: 'registry', backend: 'inmemory', clientAuth: 'anonymous' },
];

describeWith(['docker-registry', 'registry', 'skopeo'], 'requests that no client should send', () => {
  test.for(SETUPS)(
    `$kind, BLOBDESCRIPTOR=$backend, CLIENT_AUTH=$clientAuth: ${REQUESTS} of them, seed ${SEED}: the edge answers each, and no 5xx is its own`,
    { timeout: 120_000 },
    async ({ kind, backend, clientAuth }) => {
      const origin = await startRegistry({ kind, quiet: true });
      const edge = await startEdge({
        origin: origin.url,
        backend,
        variables: { CLIENT_AUTH: clientAuth, ADMIN_TOKEN: 'x'.repeat(16), EVENTS_TOKEN: 'y'.repeat(16) },
      });
      const [image, other] = [await makeImage('fuzz'), await makeImage('a good pull')];
      await expectPush(image, `${origin.host}/fuzz/app:v1`);
      await expectPush(other, `${origin.host}/good/app:v1`);
      const digests = [image.config.digest, image.manifest.digest, `sha256:${'0'.repeat(64)}`];
      const next = createFuzzer(SEED, { name: 'fuzz/app', digests, tag: 'v1' });

      const failures: unknown[] = [];
      const statuses = new Map<number, number>();
      async function tryRequest(sent: Sent): Promise<void> {
        const text = await send(edge.url, sent, LIMIT_MS);
        if (text === undefined) failures.push({ hang: sent });
        for (const status of statusesIn(text)) {
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          // The runtime refuses the methods that it does not know; they do not reach the edge.
          if (status < 500 || (status === 501 && text?.includes('Unrecognized request method'))) continue;
          const direct = await send(origin.url, sent, LIMIT_MS);
          if (!statusesIn(direct).includes(status)) failures.push({ status, sent, text });
        }
      }
      await inParallel(Array.from({ length: REQUESTS }, next), AT_ONCE, tryRequest);

      expect(failures).toEqual([]);
      // Some requests succeed: the edge does not refuse everything.
      for (const status of [200, 400, 404]) expect(statuses.get(status)).toBeGreaterThan(50);
      expect((await request('GET', `${edge.url}/v2/`)).status).toBe(200);
      expect(await pull(`${edge.host}/good/app:v1`)).toMatchObject(SUCCESS);
      expect(edge.process.stdout() + edge.process.stderr()).not.toMatch(/unexpected error|uncaught exception/i);
    },
  );
});

function statusesIn(text = ''): number[] {
  return [...text.matchAll(/^HTTP\/1\.[01] ([0-9]{3})/gm)].map(([, status]) => Number(status));
}
