import { beforeAll, expect, test } from 'vitest';
import { type Outcome, SUCCESS } from './support/command.ts';
import { image, index, type Layout, layoutOf, OCI } from './support/contents.ts';
import { head } from './support/http.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import type { Deletes } from './support/pusher.ts';
import { PUSHERS } from './support/pushers.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeSetups, type Setup, type Started, startSetup } from './support/setups.ts';
import { storedBy } from './support/storage.ts';
import { until } from './support/until.ts';

/** Every store, and both registries; not each with each. */
const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'docker-registry', backend: 'inmemory', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin', shared: true },
];

const IMAGE = image('image', OCI, 'amd64', [200, 20_000, 300_000]);
const INDEX = index('index');
const [CONFIG, ...LAYERS] = IMAGE.blobs.map(({ digest }) => digest);
const ACCEPT = { accept: `${OCI.manifest}, ${OCI.index}` };

/** What is deleted when all has been pushed, in this order: a tag has to be left for `tag`. */
const DELETED: readonly { what: keyof Deletes; reference: string; path: string }[] = [
  { what: 'tagged', reference: 'copy:v1', path: `copy/manifests/${IMAGE.manifest.digest}` },
  { what: 'manifest', reference: `app@${IMAGE.manifest.digest}`, path: `app/manifests/${IMAGE.manifest.digest}` },
  { what: 'blob', reference: `app@${CONFIG}`, path: `app/blobs/${CONFIG}` },
  { what: 'tag', reference: 'app:index', path: 'app/manifests/index' },
];
const DELETES = DELETED.flatMap((deleted) =>
  PUSHERS.flatMap(({ name, deletes }) => {
    const remove = deletes[deleted.what];
    return remove ? [{ ...deleted, name, remove }] : [];
  }),
);

function pushCopyDelete({ kind, ...setup }: Setup): void {
  let started: Started;
  /** What clients talk to: it sees all that they ask of the edge. */
  let front: CountingProxy;
  /** On which the same is done without the edge. */
  let reference: Registry;
  let onDisk: { readonly image: Layout; readonly index: Layout };
  beforeAll(async () => {
    reference = await startRegistry({ kind });
    started = await startSetup({ kind, ...setup });
    front = await startCountingProxy(started.edge.url);
    onDisk = { image: await layoutOf(IMAGE), index: await layoutOf(INDEX) };
  });

  /**
   * Has the same done through the edge and, at the reference registry, without it; both end alike.
   * @param told what of a storage has to be the same
   * @returns what the edge was asked
   */
  async function expectSame(
    work: (host: string) => Promise<Outcome>,
    outcome: Partial<Outcome> = SUCCESS,
    told: (stored: Record<string, string>) => unknown = (stored) => stored,
  ): Promise<string[]> {
    const before = front.requests.length;
    const [throughEdge, direct] = await Promise.all([new URL(front.url).host, reference.host].map(work));
    expect(throughEdge).toMatchObject(outcome);
    expect(direct).toMatchObject(outcome);
    expect(told(await storedBy(started.origin))).toEqual(told(await storedBy(reference)));
    return front.requests.slice(before).map(decodeURIComponent);
  }

  test.for(PUSHERS)('$name, push: each blob is sent, once', async ({ name, push }) => {
    const asked = await expectSame((host) => push(onDisk.image, `${host}/${name}/app:v1`));
    for (const { digest } of IMAGE.blobs) expect(uploads(asked, digest)).toHaveLength(1);
  });

  test.for(PUSHERS)('$name, push again with a warm cache: no blob is sent', async ({ name, push }) => {
    for (const { digest } of IMAGE.blobs) {
      const url = `${front.url}/v2/${name}/app/blobs/${digest}`;
      await until('a hit', async () => (await head(url)).headers['cache-status']?.includes('; hit;'));
    }
    // A client that finds the tag as it should be asks for no blob.
    for (const tag of ['v1', 'v2']) {
      const asked = await expectSame((host) => push(onDisk.image, `${host}/${name}/app:${tag}`));
      expect(asked.filter((line) => /^(?:POST|PATCH|PUT) .*\/blobs\//.test(line))).toEqual([]);
    }
  });

  test.for(PUSHERS)('$name, copy to another repository: each layer is mounted', async ({ name, copy }) => {
    const asked = await expectSame((host) => copy(onDisk.image, `${host}/${name}/app:v1`, `${host}/${name}/copy:v1`));
    for (const digest of LAYERS) {
      expect(asked.filter((line) => line.startsWith('POST ') && line.includes(`mount=${digest}`))).toHaveLength(1);
      expect(uploads(asked, digest)).toEqual([]);
    }
  });

  test.for(PUSHERS.filter(({ pushesIndexes }) => pushesIndexes))(
    '$name, push of an index: each blob of each platform is sent, once',
    async ({ name, push }) => {
      const asked = await expectSame((host) => push(onDisk.index, `${host}/${name}/app:index`));
      const blobs = INDEX.children.flatMap((child) => child.blobs);
      for (const { digest } of blobs) expect(uploads(asked, digest)).toHaveLength(1);
    },
  );

  test.for(DELETES)('$name, delete ($what): gone', async ({ name, what, remove, reference: at, path }) => {
    // 2.8.2 deletes no tags. crane says so; regctl puts something that is new each time under the tag, and deletes that.
    const isRefused = kind === 'docker-registry' && what === 'tag' && name === 'crane';
    const outcome = isRefused ? { code: 1, output: expect.stringContaining('DIGEST_INVALID') } : SUCCESS;
    const told = what === 'tag' ? withoutDigests : undefined;

    await expectSame((host) => remove(`${host}/${name}/${at}`), outcome, told);

    for (const { url } of [front, reference]) {
      expect((await head(`${url}/v2/${name}/${path}`, ACCEPT)).status).toBe(isRefused ? 200 : 404);
    }
  });
}

/** The requests that ended an upload of this blob. */
function uploads(asked: readonly string[], digest: string): string[] {
  return asked.filter((line) => line.startsWith('PUT ') && line.includes(`digest=${digest}`));
}

function withoutDigests(stored: Record<string, string>): string[] {
  return Object.keys(stored)
    .map((path) => path.replaceAll(/[0-9a-f]{2}\/[0-9a-f]{64}|[0-9a-f]{64}/g, 'DIGEST'))
    .sort();
}

describeSetups(['crane', 'oras', 'regctl', 'skopeo'], 'push, copy and delete', pushCopyDelete, SETUPS);
