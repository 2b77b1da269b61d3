import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { image, publish } from './support/contents.ts';
import { type Edge, startEdge, startEdges } from './support/edge.ts';
import { request } from './support/http.ts';
import { putManifest } from './support/manifests.ts';
import { type Registry, type RegistryKind, startRegistry } from './support/registry.ts';
import { resolversOf } from './support/resolvers.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/app';
const COOLDOWN_MS = 20_000;
const [A, B] = [image('cooled A'), image('cooled B')];
const RESOLVERS = resolversOf(NAME, [A, B]).map((resolver, position) => ({ ...resolver, tag: `tag-${position}` }));
const TAGS = [...RESOLVERS.map(({ tag }) => tag), 'released'];
const ADMIN_TOKEN = 'cooldown-admin-token';
const VARIABLES = { CLIENT_AUTH: 'anonymous', COOLDOWN: `${COOLDOWN_MS}ms`, TAG_TTL: '0', ADMIN_TOKEN };

/** Moves tags at the registry to content that it has. */
async function moveTags({ url }: Registry, tags: readonly string[], content: typeof A): Promise<void> {
  for (const reference of tags) expect((await putManifest({ url, name: NAME, reference }, content)).status).toBe(201);
}

async function digestAt({ url }: Edge, tag: string): Promise<string | undefined> {
  const headers = { accept: A.mediaType };
  return (await request('HEAD', `${url}/v2/${NAME}/manifests/${tag}`, { headers })).headers['docker-content-digest'];
}

describeWith(['docker-registry', 'registry', 'crane', 'oras', 'regctl', 'skopeo'], 'a cooldown of 20 s', () => {
  const kinds: readonly RegistryKind[] = ['docker-registry', 'registry'];
  for (const kind of kinds) describe(kind, () => tagsUnderCooldown(kind));
  restarted();
});

function tagsUnderCooldown(kind: RegistryKind): void {
  let origin: Registry;
  let edges: readonly Edge[];
  let seenAt: number;
  const [only] = TAGS.slice(-1) as [string];
  beforeAll(async () => {
    origin = await startRegistry({ kind });
    for (const content of [A, B]) await publish(origin.url, NAME, content);
    await moveTags(origin, TAGS, A);
    edges = await startEdges({ origin: origin.url, backend: 'durable' }, [VARIABLES, VARIABLES]);
    for (const [position, { resolve, tag }] of RESOLVERS.entries()) {
      expect(await resolve(edges[position % 2] as Edge, tag)).toBe(A.manifest.digest);
    }
    await digestAt(edges[0] as Edge, only);
    await moveTags(origin, TAGS, B);
    // Both isolates look where the tags lead now; the time begins with the later tag.
    for (const tag of TAGS) expect(await digestAt(edges[1] as Edge, tag)).toBe(A.manifest.digest);
    seenAt = Date.now();
  });

  test.for(RESOLVERS)(`before it is over: $name gets the old manifest from both isolates`, async (resolver) => {
    for (const edge of edges) expect(await resolver.resolve(edge, resolver.tag)).toBe(A.manifest.digest);
  });

  test('an operator releases the new manifest, and both isolates answer with it', async () => {
    const path = `/_edge/cooldown/${NAME}:${only}@${B.manifest.digest}`;
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const resolved = () => Promise.all(edges.map((edge) => digestAt(edge, only)));
    expect(await resolved()).toEqual([A.manifest.digest, A.manifest.digest]);
    expect((await request('POST', `${edges[0]?.url}${path}`, { headers })).status).toBe(200);
    expect(await resolved()).toEqual([B.manifest.digest, B.manifest.digest]);
  });

  test.for(RESOLVERS)('after it is over: $name gets the new manifest from both isolates', async (resolver) => {
    await setTimeout(Math.max(0, seenAt + COOLDOWN_MS + 100 - Date.now()));
    for (const edge of edges) expect(await resolver.resolve(edge, resolver.tag)).toBe(B.manifest.digest);
  });

  test.for(RESOLVERS)('set back: $name gets the old manifest at once', async (resolver) => {
    await moveTags(origin, [resolver.tag], A);
    for (const edge of edges) expect(await resolver.resolve(edge, resolver.tag)).toBe(A.manifest.digest);
  });
}

function restarted(): void {
  test('an edge that is restarted has the history of its tags', async () => {
    const origin = await startRegistry({ kind: 'registry' });
    for (const content of [A, B]) await publish(origin.url, NAME, content);
    await moveTags(origin, TAGS, A);
    const options = { origin: origin.url, backend: 'durable', variables: VARIABLES } as const;
    const before = await startEdge(options);
    for (const { resolve, tag } of RESOLVERS) expect(await resolve(before, tag)).toBe(A.manifest.digest);
    await before.process.stop();
    await moveTags(origin, TAGS, B);
    const after = await startEdge({ ...options, keepsState: true });
    for (const { resolve, tag } of RESOLVERS) expect(await resolve(after, tag)).toBe(A.manifest.digest);
  });
}
