import { expect, test } from 'vitest';
import { startEdges } from './support/edge.ts';
import { basic } from './support/http.ts';
import { startRedisFor } from './support/redis.ts';
import { OTHER_USER_HEADERS, startRegistry, USER, USER_HEADERS } from './support/registry.ts';
import { storedBy } from './support/storage.ts';
import { startTokenServer } from './support/tokenServer.ts';
import { type BackendKind, describeWith, toolsOf } from './support/tools.ts';
import { expectAlike } from './support/worlds/expectAlike.ts';
import type { Callers } from './support/worlds/generate.ts';
import { ALLOWED_OF_MIRRORS, createMirrorWorld, isComparable } from './support/worlds/mirror.ts';
import { MORE_MS, MS_PER_REQUEST, ONLY, REQUESTS, SEED } from './support/worlds/settings.ts';
import { createWorld } from './support/worlds/world.ts';

interface Setup {
  readonly backend: BackendKind;
  readonly edges: 1 | 2;
  /** Whether the registry requires a login. */
  readonly guarded: boolean;
  /** Which part of the requests it gets. */
  readonly share: number;
  readonly variables?: Readonly<Record<string, string>>;
}

const SETUPS: readonly Setup[] = [
  { backend: 'durable', edges: 2, guarded: false, share: 0.25 },
  { backend: 'durable', edges: 2, guarded: true, share: 0.2 },
  { backend: 'kv', edges: 2, guarded: false, share: 0.2 },
  // Confirmations become stale within the run: the edge answers by them, and checks manifests where they commit.
  { backend: 'redis', edges: 2, guarded: false, share: 0.25, variables: { PUSH_EXISTENCE_TTL: '1s' } },
  { backend: 'inmemory', edges: 1, guarded: false, share: 0.1 },
];

/** Two users, most of the time; a wrong password and no login at all, now and then. */
const LOGINS: Callers = [
  {},
  basic(USER.name, 'wrong'),
  ...Array.from({ length: 20 }, () => USER_HEADERS),
  ...Array.from({ length: 10 }, () => OTHER_USER_HEADERS),
];

for (const [at, setup] of SETUPS.entries()) {
  const { backend, edges, guarded, share } = setup;
  const count = Math.ceil(REQUESTS * share);
  const fronts = edges === 1 ? 'an edge' : 'two edges on one store';
  const title = `registry${guarded ? ' with a login' : ''}, BLOBDESCRIPTOR=${backend}: a registry, and its twin behind ${fronts}`;
  describeWith(['registry', ...toolsOf(backend)], title, () => {
    test(
      `${count} random requests, seed ${SEED}: both answer alike and store the same`,
      { timeout: MORE_MS + count * MS_PER_REQUEST },
      // Each setup gets a sequence of its own.
      () => compareWorlds(setup, SEED * SETUPS.length + at, count),
    );
  });
}

const MIRROR_SHARE = 0.1;
const MIRROR_REQUESTS = Math.ceil(REQUESTS * MIRROR_SHARE);

describeWith(['registry'], 'an open registry, and its twin that demands tokens, behind two open mirrors', () => {
  test(
    `${MIRROR_REQUESTS} random requests, seed ${SEED}: both answer alike`,
    { timeout: MORE_MS + MIRROR_REQUESTS * MS_PER_REQUEST },
    compareMirror,
  );
});

const UPSTREAM_SHARE = 0.05;
const UPSTREAM_REQUESTS = Math.ceil(REQUESTS * UPSTREAM_SHARE);

describeWith(
  ['registry'],
  'two registries, and their twins behind two edges, which tell them apart by the host',
  () => {
    test(
      `twice ${UPSTREAM_REQUESTS} random requests about the same names and content, seed ${SEED}: all answer alike`,
      { timeout: MORE_MS + 2 * UPSTREAM_REQUESTS * MS_PER_REQUEST },
      compareUpstreams,
    );
  },
);

async function compareUpstreams(): Promise<void> {
  const start = () => startRegistry({ kind: 'registry', quiet: true });
  const pairs = [
    { alone: await start(), twin: await start() },
    { alone: await start(), twin: await start() },
  ] as const;
  const [first, second] = pairs;
  const variables = { UPSTREAMS: JSON.stringify({ second: { ORIGIN_URL: second.twin.url, HOSTS: 'second.test' } }) };
  const edges = await startEdges({ origin: first.twin.url, backend: 'durable' }, [variables, variables]);
  const urls = edges.map(({ url }) => url);
  const searches = pairs.map(({ alone }, at) =>
    expectAlike(edges, {
      ...{ seed: SEED + at, count: UPSTREAM_REQUESTS, only: ONLY, callers: [{}] as const },
      newPair: () => ({
        alone: createWorld([alone.url]),
        edge: createWorld(urls, at === 0 ? undefined : 'second.test'),
      }),
    }),
  );
  await Promise.all(searches);
  for (const { alone, twin } of pairs) expect(await storedBy(twin)).toEqual(await storedBy(alone));
}

async function compareMirror(): Promise<void> {
  const tokens = await startTokenServer();
  const alone = await startRegistry({ kind: 'registry', quiet: true });
  const twin = await startRegistry({ kind: 'registry', tokens, quiet: true });
  const realm = new URL(tokens.auth.realm).host;
  const variables = {
    CLIENT_AUTH: 'anonymous',
    TOKEN_REALMS_ALLOWED: realm,
    TAG_TTL: '0',
    MIRRORED_HOSTS: 'registry.test',
  };
  const edges = await startEdges({ origin: twin.url, backend: 'durable' }, [variables, variables]);
  const mirrors = edges.map(({ url }) => url);
  await expectAlike(edges, {
    ...{
      seed: SEED,
      count: MIRROR_REQUESTS,
      only: ONLY,
      callers: [{}] as const,
      isSent: isComparable,
      allowed: ALLOWED_OF_MIRRORS,
    },
    newPair: () => ({
      alone: createWorld([alone.url]),
      edge: createMirrorWorld({ registry: twin.url, tokens, mirrors }),
    }),
  });
}

async function compareWorlds(setup: Setup, seed: number, count: number): Promise<void> {
  const { backend, edges, guarded, variables = {} } = setup;
  const start = () => startRegistry({ kind: 'registry', guarded, quiet: true });
  const [alone, twin] = [await start(), await start()];
  const options = { origin: twin.url, backend, redis: await startRedisFor(backend) };
  const ofEach = Array.from({ length: edges }, () => variables);
  const fronts = await startEdges(options, ofEach);
  const edgeUrls = fronts.map(({ url }) => url);
  await expectAlike(fronts, {
    ...{ seed, count, only: ONLY, callers: guarded ? LOGINS : ([{}] as const) },
    newPair: () => ({ alone: createWorld([alone.url]), edge: createWorld(edgeUrls) }),
  });
  expect(await storedBy(twin)).toEqual(await storedBy(alone));
}
