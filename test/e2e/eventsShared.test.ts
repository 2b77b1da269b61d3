import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import {
  ask,
  BLOB,
  CONTENTS,
  EVENTS_PATH,
  LIMIT_MS,
  LONG_TTLS,
  NAME,
  pathOf,
  TOKEN,
  untilHit,
} from './support/events.ts';
import { request } from './support/http.ts';
import { freePort } from './support/port.ts';
import { startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

describeWith(
  ['registry', 'redis-server'],
  'several edges on one Redis, of which one receives the events of the registry',
  () => {
    let origin: Registry;
    let others: readonly Edge[];
    beforeAll(async () => {
      const PORT = String(await freePort());
      origin = await startRegistry({
        kind: 'registry',
        events: [{ url: `http://127.0.0.1:${PORT}${EVENTS_PATH}`, token: TOKEN }],
      });
      const redis = await startRedis();
      const start = (variables: Record<string, string>) =>
        startEdge({ origin: origin.url, backend: 'redis', redis, variables: { ...LONG_TTLS, ...variables } });
      await start({ PORT, EVENTS_TOKEN: TOKEN });
      // Without its own memory, which receives no events, even a mirror has to see every change at once.
      others = [await start({}), await start({ CLIENT_AUTH: 'anonymous', MEMORY_TTL: '0' })];
      for (const tag of ['deleted', 'before'] as const) await publish(origin.url, NAME, CONTENTS[tag], tag);
      expect((await upload(origin.url, NAME, BLOB)).status).toBe(201);
    });

    test('the other edges answer 404 at once for a deleted blob and a deleted manifest', async () => {
      const paths = [pathOf(BLOB.digest, 'blobs'), pathOf(CONTENTS.deleted.manifest.digest)];
      for (const path of paths) {
        for (const edge of others) await untilHit(edge, path);
        expect((await request('DELETE', origin.url + path)).status).toBe(202);
        for (const edge of others) {
          await until(`${path} is a 404`, async () => (await ask(edge, path)).status === 404, LIMIT_MS);
        }
      }
    });

    test('a mirror has the new manifest of a moved tag at once', async () => {
      const [, mirror] = others as [Edge, Edge];
      await untilHit(mirror, pathOf('before'));
      await publish(origin.url, NAME, CONTENTS.after, 'before');
      const { digest } = CONTENTS.after.manifest;
      await until('the tag is moved', async () => (await digestOf(mirror, 'before')) === digest, LIMIT_MS);
    });
  },
);

async function digestOf(edge: Edge, tag: string): Promise<string | undefined> {
  return (await ask(edge, pathOf(tag))).headers['docker-content-digest'];
}
