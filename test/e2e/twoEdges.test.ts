import { beforeAll, expect, test } from 'vitest';
import { OCI } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { ask, GONE, HIT, pathsOf, warm } from './support/hits.ts';
import { type Answer, basic, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { isWhole, LOSSES, lose } from './support/lost.ts';
import { startRedis } from './support/redis.ts';
import { type Registry, type RegistryKind, startRegistry, USER } from './support/registry.ts';
import { push, SUCCESS } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

interface Setup {
  readonly kind: RegistryKind;
  /** KV on disk does not lag: elsewhere it does, for a minute or more. */
  readonly backend: 'kv' | 'redis';
  readonly guarded: boolean;
}

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'redis', guarded: false },
  { kind: 'registry', backend: 'redis', guarded: true },
  { kind: 'docker-registry', backend: 'kv', guarded: true },
];
/** Whether A has been asked by the one who pushes, or hears of them for the first time when the manifest comes. */
const KNOWN = ['known', 'unknown'] as const;
const CASES = KNOWN.flatMap((who) => LOSSES.map((loss) => ({ who, loss })));
const UNKNOWN = expect.stringMatching(/^(?:MANIFEST_BLOB|BLOB|MANIFEST)_UNKNOWN$/);

for (const setup of SETUPS) {
  const { kind, backend, guarded } = setup;
  const title = `${kind}${guarded ? ' with a login' : ''}, BLOBDESCRIPTOR=${backend}: two edges with one store`;
  describeWith([kind, 'skopeo', ...(backend === 'redis' ? ['redis-server' as const] : [])], title, () => heal(setup));
}

function heal({ kind, backend, guarded }: Setup): void {
  const creds = guarded ? `${USER.name}:${USER.password}` : undefined;
  const caller = guarded ? basic(USER.name, USER.password) : {};
  let origin: Registry;
  let a: Edge;
  let b: Edge;
  beforeAll(async () => {
    origin = await startRegistry({ kind, guarded });
    const redis = backend === 'redis' ? await startRedis() : undefined;
    a = await startEdge({ origin: origin.url, backend, ...(redis && { redis }) });
    b = await startEdge({ origin: origin.url, backend, ...(redis && { redis }), sharesKv: true });
  });

  function putManifest({ url }: Edge, name: string, { manifest }: Image): Promise<Answer> {
    const sent = { headers: { ...caller, 'content-type': OCI.manifest }, body: manifest.bytes };
    return request('PUT', `${url}/v2/${name}/manifests/v1`, sent);
  }

  test.for(CASES)('lost: $loss; refused through A by one $who there: the retry through B succeeds', async (one) => {
    const { who, loss } = one;
    const name = `team/${who}-${loss.replace(' ', '-')}`;
    const warmed = who === 'known' ? [a, b] : [b];
    const image = await makeImage(`two edges ${who} ${loss} ${kind} ${backend}`);
    expect(await push(image.source, `${origin.host}/${name}:v1`, creds)).toMatchObject(SUCCESS);
    for (const edge of warmed) await warm(edge, pathsOf(name, image), caller);
    await lose(origin, name, image, loss, caller);
    const layer = `/v2/${name}/blobs/${image.layers[0].digest}`;
    for (const { url } of warmed) expect(await ask(url + layer, caller)).toEqual(HIT);

    const refused = await putManifest(a, name, image);
    const left = await ask(b.url + layer, caller);

    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse(refused.body.toString()).errors).toContainEqual(expect.objectContaining({ code: UNKNOWN }));
    expect(left).toEqual(GONE);
    // A client that asks for the manifest first, as oras does, is not told that all is there.
    expect(await ask(`${b.url}/v2/${name}/manifests/${image.manifest.digest}`, caller)).toEqual(GONE);
    expect(await push(image.source, `${b.host}/${name}:v1`, creds)).toMatchObject(SUCCESS);
    await isWhole(origin, name, image, creds);
  });
}
