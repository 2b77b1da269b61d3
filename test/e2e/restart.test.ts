import { expect, test } from 'vitest';
import { image, publish } from './support/contents.ts';
import { PATIENT, startEdge } from './support/edge.ts';
import { ask, HIT } from './support/hits.ts';
import { request } from './support/http.ts';
import { startCountingProxy } from './support/proxy.ts';
import { startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/app';
const KINDS = ['durable', 'kv'] as const;

describeWith(['docker-registry'], 'an edge that is restarted, with its store on disk', () => {
  test.for(KINDS)(
    'BLOBDESCRIPTOR=%s: what was confirmed before is a hit, what was deleted is gone',
    async (backend) => {
      const registry = await startRegistry({ kind: 'docker-registry' });
      const proxy = await startCountingProxy(registry.url);
      const contents = [image(`restarted ${backend}`), image(`restarted again ${backend}`)];
      for (const content of contents) await publish(registry.url, NAME, content);
      const paths = contents.flatMap(({ blobs }) => blobs).map(({ digest }) => `/v2/${NAME}/blobs/${digest}`);
      const [proof, kept, deleted] = paths as [string, string, string];
      const options = { origin: proxy.url, backend, variables: PATIENT };
      const before = await startEdge(options);
      for (const path of [proof, kept, deleted]) await ask(before.url + path);
      expect(await ask(before.url + kept)).toEqual(HIT);
      expect((await request('DELETE', before.url + deleted)).status).toBe(202);
      await before.process.stop();

      const after = await startEdge({ ...options, keepsState: true });
      expect((await ask(after.url + proof)).status).toBe(200);
      const asked = proxy.count('HEAD', kept);
      expect(await ask(after.url + kept)).toEqual(HIT);
      expect(proxy.count('HEAD', kept)).toBe(asked);
      expect((await ask(after.url + deleted)).status).toBe(404);
    },
  );
});
