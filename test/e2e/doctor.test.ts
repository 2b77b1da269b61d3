import { beforeAll, expect, test } from 'vitest';
import { startIsolates } from '../../local/edge.ts';
import { atEnd } from './support/cleanup.ts';
import { image, publish } from './support/contents.ts';
import { adviceOf, examine, examineEdge, type Patient, problemsOf, runDoctor } from './support/doctor.ts';
import { startEdge } from './support/edge.ts';
import { startRecordingServer } from './support/hubs/recording.ts';
import { makeImage } from './support/image.ts';
import { connect, type RedisStore, startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { startTokenServer } from './support/tokenServer.ts';
import { describeWith } from './support/tools.ts';

const IMAGE = 'team/app:v1';
const ADMIN_TOKEN = 'doctor-admin-token-1';
const EVENTS_TOKEN = 'doctor-events-token-1';
const OPEN = { CLIENT_AUTH: 'anonymous' };

/** A mistake in the configuration, and what has to be named. */
interface Planted extends Patient {
  readonly mistake: string;
  readonly named: RegExp;
}

const IN_WRANGLER: readonly Planted[] = [
  {
    mistake: 'a compatibility flag that is missing',
    toml: [['"enable_request_signal", ', '']],
    named: /compatibility flag enable_request_signal.+-> add it to compatibility_flags/,
  },
  {
    mistake: 'a compatibility date of the past',
    toml: [['compatibility_date = "2026-07-01"', 'compatibility_date = "2025-01-01"']],
    named: /compatibility_date is 2025-01-01/,
  },
  {
    mistake: 'Workers Cache that is not off',
    toml: [['cache = { enabled = false }', '']],
    named: /Workers Cache is not switched off.+cache = \{ enabled = false \}/,
  },
  { mistake: 'modules that wrangler would bundle', toml: [['no_bundle = true', '']], named: /no_bundle = true/ },
  {
    mistake: 'a class without SQLite',
    toml: [['new_sqlite_classes', 'new_classes']],
    named: /no migration creates the class RepositoryObject.+new_sqlite_classes/,
  },
  {
    mistake: 'a binding that is missing',
    toml: [['name = "REPOSITORIES"', 'name = "REPOSITORY"']],
    named: /REPOSITORIES: expected a namespace of Durable Objects/,
  },
  {
    mistake: 'another class that is bound',
    toml: [['class_name = "RepositoryObject"', 'class_name = "Repository"']],
    named: /REPOSITORIES is bound to the class Repository/,
  },
  {
    mistake: 'a secret in the open',
    toml: [['[vars]', `[vars]\nADMIN_TOKEN = "${ADMIN_TOKEN}"`]],
    named: /ADMIN_TOKEN is a secret.+wrangler secret put ADMIN_TOKEN/,
  },
  {
    mistake: 'a bucket that is missing',
    variables: { BLOB_STORE: 'r2' },
    named: /BLOBS: expected .+ bound under this name/,
  },
  {
    mistake: 'a token that is too short',
    variables: { ADMIN_TOKEN: 'short' },
    named: /ADMIN_TOKEN: expected a token of 16/,
  },
  { mistake: 'KV for pushes', variables: { BLOBDESCRIPTOR: 'kv' }, named: /=kv, and callers may push.+durable/ },
  { mistake: 'a store of one isolate', variables: { BLOBDESCRIPTOR: 'inmemory' }, named: /set BLOBDESCRIPTOR=durable/ },
  {
    mistake: 'one token for operators and events',
    variables: { ADMIN_TOKEN, EVENTS_TOKEN: ADMIN_TOKEN },
    named: /EVENTS_TOKEN is also the ADMIN_TOKEN/,
  },
  {
    mistake: 'an upstream that nothing chooses',
    variables: { UPSTREAMS: '{"hub":{"ORIGIN_URL":"https://registry.example.com"}}' },
    named: /UPSTREAMS\.hub: expected HOSTS, PREFIX or NS/,
  },
];

describeWith(['registry', 'redis-server', 'skopeo'], 'npm run doctor', () => {
  let origin: Registry;
  let redis: RedisStore;
  beforeAll(async () => {
    [origin, redis] = await Promise.all([startRegistry({ kind: 'registry' }), startRedis()]);
    await publish(origin.url, 'team/app', image('doctor'), 'v1');
  });
  const withOrigin = ({ variables, ...patient }: Patient): Patient => {
    return { ...patient, variables: { ORIGIN_URL: origin.url, ...variables } };
  };
  const withRedis = (variables = {}) =>
    withOrigin({ variables: { BLOBDESCRIPTOR: 'redis', ...redis.variables, ...variables } });

  test('of a right configuration: no problem, hits, and the exit code 0', async () => {
    const tokens = await startTokenServer();
    const guarded = await startRegistry({ kind: 'registry', tokens });
    await expectPush(await makeImage('doctor'), `${guarded.host}/${IMAGE}`);
    const { issuer: TOKEN_ISSUER, service: TOKEN_SERVICE } = tokens.auth;
    const trusted = { TOKEN_JWKS: tokens.jwks, TOKEN_ISSUER, TOKEN_SERVICE, PULL_ONLY_SUBJECTS: 'anybody' };
    const variables = { ...withRedis(trusted).variables, ADMIN_TOKEN, EVENTS_TOKEN, ORIGIN_URL: guarded.url };
    const { code, output } = await runDoctor({ variables, image: IMAGE, deletes: true });
    expect([code, output]).toEqual([0, expect.stringContaining('\nproblems: 0, ')]);
    for (const what of ['tag', 'manifest', 'blob']) expect(output).toContain(`ok       ${what}: a hit\n`);
    expect(output).toContain('the edge can verify these tokens');
    expect(output).toContain('the origin deletes blobs');
    for (const secret of [ADMIN_TOKEN, EVENTS_TOKEN, ...tokens.tokens, redis.variables.UPSTASH_REDIS_REST_TOKEN]) {
      expect(output).not.toContain(secret);
    }
  });

  test('of a wrong one: names the mistake, and exits with 1', async () => {
    const { code, output } = await runDoctor(withOrigin({ variables: { ADMIN_TOKEN: 'short-secret' } }));
    expect([code, output]).toEqual([1, expect.stringContaining('problem  ADMIN_TOKEN: expected a token')]);
    expect(output).not.toContain('short-secret');
  });

  test.for(IN_WRANGLER)('names $mistake', async ({ named, ...patient }) => {
    expect(problemsOf(await examine(withOrigin(patient)))).toEqual([expect.stringMatching(named)]);
  });

  test('reads secrets in .dev.vars, and before them those of the environment', async () => {
    const devVars = 'ADMIN_TOKEN=short\nUNKNOWN=1\n';
    const found = await examine(withOrigin({ devVars }));
    expect(problemsOf(found)).toEqual([expect.stringMatching(/^ADMIN_TOKEN: expected a token[^>]+$/)]);
    expect(problemsOf(await examine(withOrigin({ devVars, variables: { ADMIN_TOKEN } })))).toEqual([]);
  });

  test('names a variable that is misspelt', async () => {
    const toml = [['[vars]', '[vars]\nORIGIN_TIMEOUTS = "5s"']] as const;
    expect(adviceOf(await examine(withOrigin({ toml })))).toContainEqual(
      expect.stringMatching(/ORIGIN_TIMEOUTS is no variable.+ORIGIN_TIMEOUT,/),
    );
  });

  test('names the ?ns= of containerd that is not listed', async () => {
    const hub = { ORIGIN_URL: 'https://registry-1.docker.io', CLIENT_AUTH: 'anonymous', ORIGIN_TIMEOUT: '10ms' };
    expect(adviceOf(await examine({ variables: hub }))).toContainEqual(
      expect.stringMatching(/\?ns=registry-1\.docker\.io.+MIRRORED_HOSTS=.*docker\.io.+PRESET=docker-hub/),
    );
    expect(adviceOf(await examine(withOrigin({ variables: OPEN })))).toContainEqual(
      expect.stringContaining(`set MIRRORED_HOSTS=${origin.host}`),
    );
  });

  test('names a token of Redis that is refused', async () => {
    const found = await examine(withRedis({ UPSTASH_REDIS_REST_TOKEN: 'hunter2' }));
    expect(problemsOf(found)).toEqual([expect.stringMatching(/UPSTASH_REDIS_REST_TOKEN: the database refuses it/)]);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  test('names a Redis that may only be read', async () => {
    const client = await connect(redis);
    await client.sendCommand(['ACL', 'SETUSER', 'default', '-@write']);
    const found = await examine(withRedis());
    await client.sendCommand(['ACL', 'SETUSER', 'default', '+@all']);
    expect(problemsOf(found)).toEqual([expect.stringMatching(/UPSTASH_REDIS_REST_TOKEN: it may only read/)]);
  });

  test('names a Redis that nobody answers for, and one that forgets', async () => {
    const gone = await examine(withRedis({ UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9' }));
    expect(problemsOf(gone)).toEqual([expect.stringMatching(/UPSTASH_REDIS_REST_URL: no Redis answers there/)]);
    const client = await connect(redis);
    await client.configSet('maxmemory-policy', 'allkeys-lru');
    expect(adviceOf(await examine(withRedis()))).toContainEqual(expect.stringMatching(/evicts keys.+noeviction/));
    await client.configSet('maxmemory-policy', 'noeviction');
  });

  test('names a Redis that a registry uses as well', async () => {
    const shared = await startRedis();
    const registry = await startRegistry({ kind: 'registry', redis: shared });
    await publish(registry.url, 'team/app', image('doctor shared'), 'v1');
    const variables = { ORIGIN_URL: registry.url, BLOBDESCRIPTOR: 'redis', ...shared.variables };
    expect(problemsOf(await examine({ variables }))).toEqual([expect.stringMatching(/REDIS_SHARED=true if/)]);
    expect(problemsOf(await examine({ variables: { ...variables, REDIS_SHARED: 'true' } }))).toEqual([]);
    expect(adviceOf(await examine(withRedis({ REDIS_SHARED: 'true' })))).toContainEqual(
      expect.stringMatching(/no registry has written here/),
    );
  });

  test('names at a running edge what is no hit, and why', async () => {
    const mirror = { ...OPEN, TAG_TTL: '1h', BLOB_STORE: 'r2' };
    const edge = await startEdge({ origin: origin.url, backend: 'durable', variables: mirror });
    const found = await examineEdge({ url: edge.url, image: IMAGE });
    const hits = ['tag: a hit', 'manifest: a hit', 'blob: a hit', 'bytes: a hit'];
    expect(found.slice(1)).toEqual(hits.map((says) => ({ level: 'ok', says })));
    expect(problemsOf(await examineEdge({ url: edge.url, image: IMAGE, ns: 'quay.io' }))).toEqual(
      Array.from({ length: 4 }, () => expect.stringMatching(/\(ns\) -> if it is, add it to MIRRORED_HOSTS/)),
    );
  });

  test('names what a running edge says of its bad configuration', async () => {
    const variables = { CLIENT_AUTH: 'nobody' };
    const edge = await startIsolates([{ hostname: '127.0.0.1', port: 0, variables }], { log: () => undefined });
    atEnd(() => edge.stop());
    const found = await examineEdge({ url: edge.urls[0] ?? '' });
    expect(problemsOf(found)).toEqual([
      expect.stringMatching(/^CLIENT_AUTH: expected/),
      expect.stringMatching(/^ORIGIN_URL: expected/),
    ]);
  });

  test('names a cache and a sign-on page in front of a running edge', async () => {
    const cached = await startRecordingServer((_request, response) => response.writeHead(200, { age: '5' }).end());
    expect(problemsOf(await examineEdge({ url: cached.url }))).toEqual([expect.stringMatching(/Cache Rule/)]);
    const page = { location: 'https://login.example.com/' };
    const signOn = await startRecordingServer((_request, response) => response.writeHead(302, page).end());
    expect(problemsOf(await examineEdge({ url: signOn.url }))).toEqual([expect.stringMatching(/Bypass/)]);
  });
});
