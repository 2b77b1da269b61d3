import { beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT_SIDES, type AccountSide } from './support/accountSides.ts';
import { SUCCESS } from './support/command.ts';
import { type Edge, startEdges } from './support/edge.ts';
import { type EdgeUser, makeUser, variablesOf } from './support/edgeUsers.ts';
import { basic, request } from './support/http.ts';
import type { RecordingServer } from './support/hubs/recording.ts';
import { type Image, makeImage } from './support/image.ts';
import type { Client } from './support/journeys/client.ts';
import { logIn } from './support/journeys/logIn.ts';
import { crane, skopeo } from './support/journeys/programs.ts';
import { startPlatform } from './support/platform.ts';
import { belongingTo, knownTo, type Secret, secretsIn } from './support/secrets.ts';
import { describeWith } from './support/tools.ts';

/** Who asks the storage: the edge, or the client. */
const REDIRECTS = [
  { redirect: 'follow', at: 0 },
  { redirect: 'pass', at: 1 },
] as const;
const MINE = 'team/app';
const AUDIENCE = 'https://edge.example.com';
/** What somebody tries who is no user. */
const WRONG = 'a-password-that-nobody-has';

test('a secret is found in each form in which a header may hold it', () => {
  const secrets: Secret[] = [{ what: 'it', texts: ['tok-en_of/a+user='], of: [] }];
  const [text = ''] = secrets[0]?.texts ?? [];
  const logins = ['a', 'ab', 'abc'].map((name) => basic(name, text).authorization);
  for (const held of [text, `Bearer ${text}`, encodeURIComponent(text), ...logins])
    expect([held, secretsIn(JSON.stringify([{ held }]), secrets)]).toEqual([held, ['it']]);
  expect(secretsIn(basic('a', 'another').authorization, secrets)).toEqual([]);
});

describeWith(['crane', 'registry', 'skopeo'], 'hosts that record all that they get', () => {
  describe.for(ACCOUNT_SIDES)('with an account of $what', ({ what, start }) => {
    let side: AccountSide;
    let edges: Edge[];
    let user: EdgeUser;
    let job: EdgeUser;
    let hosts: Record<string, RecordingServer>;
    beforeAll(async () => {
      side = await start();
      const everything = { pull: ['team/*'], push: ['team/*'], delete: ['team/*'], catalog: true };
      user = await makeUser('ann', everything);
      const platform = await startPlatform(AUDIENCE);
      const token = await platform.issue({ sub: 'repo:example/app:main', repository: 'example/app' });
      job = { name: 'oidc', token, creds: `oidc:${token}`, headers: basic('oidc', token), entry: everything };
      hosts = { ...side.hosts, platform };
      const variables = {
        ...{ ...side.variables, ...variablesOf([user]), ALLOW_REPOSITORIES: 'team/*', LOG_LEVEL: 'debug' },
        OIDC_ISSUERS: JSON.stringify({ ci: { issuer: platform.url, audience: AUDIENCE } }),
        OIDC_USERS: JSON.stringify({ app: { issuer: 'ci', claims: { repository: 'example/app' }, ...everything } }),
      };
      const each = REDIRECTS.map(({ redirect }) => ({ ...variables, BLOB_REDIRECT: redirect }));
      edges = await startEdges({ origin: side.origin, backend: 'durable' }, each);
    });

    const secrets = (): Secret[] => [
      { what: 'the token of a user', texts: [user.token, WRONG], of: [] },
      { what: 'the identity token of a job', texts: [job.token], of: [] },
      { what: 'the hash of a token', texts: [(user.entry as { secret: string }).secret], of: [] },
      ...side.secrets(),
    ];
    const expectSecrecy = () => expect(knownTo(hosts, secrets())).toEqual(belongingTo(hosts, secrets()));

    test.for(REDIRECTS)('BLOB_REDIRECT=$redirect: a push, pulls, copies and a delete keep secrets', async ({ at }) => {
      const asked = side.hosts.storage?.received.length ?? 0;
      await journey(edges[at] as Edge, user, await makeImage(`recorded ${what} ${at}`), [crane, skopeo]);
      await journey(edges[at] as Edge, job, await makeImage(`recorded job ${what} ${at}`), [skopeo]);
      const askedSince = side.hosts.storage?.received.slice(asked).map(({ method }) => method);
      expect(askedSince).toContain('GET');
      expectSecrecy();
    });

    test('whoever is refused reaches no host', async () => {
      const before = Object.values(hosts).map(({ received }) => received.length);
      for (const edge of edges) for (const caller of [user, job]) await tryInVain(edge, caller);
      expect(Object.values(hosts).map(({ received }) => received.length)).toEqual(before);
      expectSecrecy();
    });

    test('the log holds no secret', () => {
      const log = edges.map(({ process }) => process.stdout() + process.stderr()).join();
      expect(log).toContain('/v2/');
      expect(secretsIn(log, secrets())).toEqual([]);
    });
  });
});

/** Goes through all that a user may do. */
async function journey(edge: Edge, user: EdgeUser, image: Image, clients: readonly Client[]): Promise<void> {
  const reference = `${edge.host}/${MINE}:v1`;
  for (const client of clients) {
    const session = await client.open(await logIn(client, edge.host, user));
    expect(await session.push(image, reference)).toMatchObject(SUCCESS);
    expect(await session.pull(reference)).toMatchObject(SUCCESS);
    expect(await session.copy(image, reference, `${edge.host}/team/by-${client.name}:v1`)).toMatchObject(SUCCESS);
  }
  const headers = { ...user.headers, ...tellingOf(user.token) };
  const blob = `/v2/${MINE}/blobs/${image.layers[0].digest}`;
  for (const path of ['/v2/', '/v2/_catalog', `/v2/${MINE}/tags/list`, blob])
    for (const method of ['GET', 'HEAD']) await request(method, edge.url + path, { headers });
  const deleted = await request('DELETE', `${edge.url}/v2/${MINE}/manifests/${image.manifest.digest}`, { headers });
  expect(deleted.status).toBe(202);
}

/** Tries what is refused: as nobody, with wrong logins, and as a user who may not. */
async function tryInVain(edge: Edge, user: EdgeUser): Promise<void> {
  const logins = [
    {},
    basic(user.name, WRONG),
    basic(WRONG, user.token.slice(0, -4)),
    { authorization: `Bearer ${user.token}` },
  ];
  for (const login of logins) {
    for (const [method, path] of [
      ['GET', `/v2/${MINE}/manifests/v1`],
      ['POST', `/v2/${MINE}/blobs/uploads/`],
    ] as const) {
      const { status } = await request(method, edge.url + path, { headers: { ...login, ...tellingOf(user.token) } });
      expect([method, status]).toEqual([method, 401]);
    }
  }
  for (const path of ['/v2/secret/app/manifests/v1', `/v2/token?account=${user.token}&service=s`]) {
    const { status } = await request('GET', edge.url + path, { headers: user.headers });
    expect([403, 404]).toContain(status);
  }
}

/** Headers by which a client may tell more than its login. */
function tellingOf(text: string): Record<string, string> {
  return {
    ...{ cookie: `session=${text}`, 'x-docker-token': text, 'cf-access-jwt-assertion': text, 'user-agent': text },
    ...{ referer: `https://${text}.example.com`, 'proxy-authorization': `Basic ${text}` },
  };
}
