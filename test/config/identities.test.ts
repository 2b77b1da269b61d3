import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';

const SHA256 = 'a'.repeat(64);
const GITHUB = { issuer: 'https://token.actions.githubusercontent.com', audience: 'https://edge.example.com' };
const GITLAB = { issuer: 'https://gitlab.com', audience: 'https://edge.example.com' };
const OWN = { issuer: 'https://ci.example.com/oidc', audience: 'edge' };
const ISSUERS = { github: GITHUB, gitlab: GITLAB, own: OWN };
const APP = { issuer: 'github', claims: { repository: 'example/app', ref: 'refs/heads/*' }, pull: ['team/**'] };
const BASE = { ORIGIN_URL: 'https://registry.example.com', CLIENT_AUTH: 'basic', REPOSITORIES: {} };

const parse = (issuers: unknown, users: unknown, variables: Record<string, unknown> = {}) =>
  parseConfig({ ...BASE, OIDC_ISSUERS: issuers, OIDC_USERS: users, ...variables }, BACKENDS);

/** Returns the lines that say what is bad. */
function problemsOf(issuers: unknown, users: unknown, variables: Record<string, unknown> = {}): string[] {
  try {
    parse(issuers, users, variables);
  } catch (error) {
    return (error as Error).message.split('\n  ').slice(1);
  }
  return [];
}

describe('OIDC_ISSUERS and OIDC_USERS', () => {
  it.each([
    ['objects', ISSUERS, { app: APP }],
    ['their JSON', ` ${JSON.stringify(ISSUERS)} `, JSON.stringify({ app: APP })],
  ])('may be %s', (_what, issuers, users) => {
    const { upstreams, warnings } = parse(issuers, users);
    const [{ identities, allowsWrites, users: others }] = upstreams;
    expect(identities?.issuers.map(({ name, issuer }) => [name, issuer])).toEqual([
      ...[
        ['github', GITHUB.issuer],
        ['gitlab', GITLAB.issuer],
        ['own', OWN.issuer],
      ],
    ]);
    const [user] = identities?.users ?? [];
    expect([user?.issuer, [...(user?.claims.keys() ?? [])]]).toEqual([GITHUB.issuer, ['repository', 'ref']]);
    expect([user?.pull.matches('team/a/b'), user?.push.isEmpty, user?.catalog]).toEqual([true, true, false]);
    expect([allowsWrites, others, warnings]).toEqual([false, undefined, []]);
  });

  it.each<[string, unknown, unknown]>([
    ['a public one', { ...GITHUB, jwks_uri: 'https://keys.example.com/a?b=c' }, 'https://keys.example.com/a?b=c'],
    [
      'this machine',
      { ...GITHUB, issuer: 'http://127.0.0.1:8080', jwks_uri: 'http://localhost/' },
      'http://localhost/',
    ],
  ])('may name where keys are: %s', (_what, own, expected) => {
    const users = { app: { ...APP, issuer: 'own' } };
    expect(parse({ own }, users).upstreams[0].identities?.issuers[0]?.jwksUrl?.href).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['no JSON', '{', 'OIDC_ISSUERS: expected an object of at most 10 issuers, such as {"github":'],
    ['a list', [], 'OIDC_ISSUERS: expected an object'],
    ['a number', 7, 'OIDC_ISSUERS: expected an object'],
    ['a bad name', { 'a b': GITHUB }, 'OIDC_ISSUERS."a b": expected a name of at most 64 letters'],
    ['no object', { a: GITHUB.issuer }, 'OIDC_ISSUERS.a: expected an object with issuer and audience'],
    [
      'an unknown member',
      { a: { ...GITHUB, jwksUri: '' } },
      'OIDC_ISSUERS.a: expected issuer, audience, jwks_uri, and',
    ],
    ['no issuer', { a: { audience: 'b' } }, 'OIDC_ISSUERS.a.issuer: expected the https URL'],
    ['a plain issuer', { a: { ...GITHUB, issuer: 'gitlab.com' } }, 'OIDC_ISSUERS.a.issuer: expected the https URL'],
    ['http', { a: { ...GITHUB, issuer: 'http://ci.example.com' } }, 'OIDC_ISSUERS.a.issuer: expected the https URL'],
    ['a query', { a: { ...GITHUB, issuer: 'https://a.test/?b' } }, 'OIDC_ISSUERS.a.issuer: expected the https URL'],
    ['a login', { a: { ...GITHUB, issuer: 'https://b:c@a.test' } }, 'OIDC_ISSUERS.a.issuer: expected the https URL'],
    ['a space', { a: { ...GITHUB, issuer: 'https://a.test/ b' } }, 'OIDC_ISSUERS.a.issuer: expected the https URL'],
    ['no audience', { a: { issuer: GITHUB.issuer } }, 'OIDC_ISSUERS.a.audience: expected what jobs ask a token for'],
    ['an empty audience', { a: { ...GITHUB, audience: '' } }, 'OIDC_ISSUERS.a.audience: expected'],
    ['several audiences', { a: { ...GITHUB, audience: ['b'] } }, 'OIDC_ISSUERS.a.audience: expected'],
    [
      'keys by http',
      { a: { ...GITHUB, jwks_uri: 'http://a.test' } },
      'OIDC_ISSUERS.a.jwks_uri: expected the https URL',
    ],
    ['an issuer twice', { a: GITHUB, b: GITHUB }, 'OIDC_ISSUERS.b.issuer: is that of a, too: remove one of them'],
    [
      'too many',
      Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`i${n}`, { ...OWN, issuer: `https://${n}.test` }])),
      'OIDC_ISSUERS: expected an object of at most 10 issuers',
    ],
  ])('are refused with an issuer that is %s', (_what, issuers, expected) => {
    expect(problemsOf(issuers, '')).toContainEqual(expect.stringContaining(expected));
  });

  it.each<[string, unknown, string]>([
    ['no JSON', '{', 'OIDC_USERS: expected an object of at most 100 users, such as {"app":'],
    ['a list', '[]', 'OIDC_USERS: expected an object'],
    ['a bad name', { 'a:b': APP }, 'OIDC_USERS."a:b": expected a name'],
    ['no object', { a: 'hunter2' }, 'OIDC_USERS.a: expected an object with issuer, claims and pull'],
    [
      'a secret',
      { a: { ...APP, secret: SHA256 } },
      'OIDC_USERS.a: expected issuer, claims, pull, push, delete, catalog',
    ],
    [
      'no issuer',
      { a: { ...APP, issuer: undefined } },
      'OIDC_USERS.a.issuer: expected a name in OIDC_ISSUERS: github or',
    ],
    ['an unknown issuer', { a: { ...APP, issuer: 'x' } }, 'OIDC_USERS.a.issuer: expected a name in OIDC_ISSUERS'],
    ['a property of objects', { a: { ...APP, issuer: 'constructor' } }, 'OIDC_USERS.a.issuer: expected a name'],
    ['no claims', { a: { ...APP, claims: undefined } }, 'OIDC_USERS.a.claims: expected 1 to 20 claims'],
    ['no claim', { a: { ...APP, claims: {} } }, 'OIDC_USERS.a.claims: expected 1 to 20 claims with patterns'],
    ['a list of claims', { a: { ...APP, claims: ['repository'] } }, 'OIDC_USERS.a.claims: expected 1 to 20 claims'],
    [
      'too many claims',
      { a: { ...APP, claims: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`c${n}`, 'a'])) } },
      'OIDC_USERS.a.claims: expected 1 to 20 claims',
    ],
    [
      'a number',
      { a: { ...APP, claims: { repository_id: 7 } } },
      'OIDC_USERS.a.claims.repository_id: expected patterns',
    ],
    ['no pattern', { a: { ...APP, claims: { repository: '' } } }, 'OIDC_USERS.a.claims.repository: expected patterns'],
    [
      'only exclusions',
      { a: { ...APP, claims: { ref: '!a' } } },
      'OIDC_USERS.a.claims.ref: expected patterns in a text',
    ],
    ['a bad pattern', { a: { ...APP, claims: { 'a b': 'a b' } } }, 'OIDC_USERS.a.claims."a b": expected patterns'],
    ['what all have', { a: { ...APP, claims: { aud: 'edge' } } }, 'OIDC_USERS.a.claims.aud: says nothing about whose'],
    ['what all have', { a: { ...APP, claims: { exp: '1*' } } }, 'OIDC_USERS.a.claims.exp: says nothing about whose'],
    ['no repositories', { a: { ...APP, pull: [] } }, 'OIDC_USERS.a.pull: expected patterns of repositories'],
    ['a bad right', { a: { ...APP, push: 'team/app' } }, 'OIDC_USERS.a.push: expected patterns of repositories'],
    ['no flag', { a: { ...APP, catalog: 1 } }, 'OIDC_USERS.a.catalog: expected true or false'],
    [
      'too many',
      Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`u${n}`, APP])),
      'OIDC_USERS: expected an object of at most 100 users',
    ],
  ])('are refused with a user that has %s', (_what, users, expected) => {
    const problems = problemsOf(ISSUERS, users);
    expect(problems).toEqual([expect.stringContaining(expected)]);
    expect(problems.join()).not.toContain('hunter2');
  });

  it('are refused with all that is bad at once', () => {
    const users = { a: { ...APP, pull: [], claims: { aud: 'a', ref: '' } }, b: { ...APP, issuer: 'x' } };
    expect(problemsOf({ github: GITHUB, c: {} }, users).map((line) => line.split(' ')[0])).toEqual([
      ...['OIDC_ISSUERS.c.issuer:', 'OIDC_ISSUERS.c.audience:', 'OIDC_USERS.a.pull:', 'OIDC_USERS.a.claims.aud:'],
      ...['OIDC_USERS.a.claims.ref:', 'OIDC_USERS.b.issuer:'],
    ]);
  });

  it('are refused where no issuer is described', () => {
    expect(problemsOf('', { app: APP })).toEqual([
      'OIDC_USERS.app.issuer: expected the name of an issuer in OIDC_ISSUERS, where it has to be described',
    ]);
  });
});

describe('the claims of a user', () => {
  const problemOf = (issuer: string, claims: Record<string, string>) =>
    problemsOf(ISSUERS, { app: { ...APP, issuer, claims } }).join();

  it.each([
    [{ ref: '*' }],
    [{ ref: '**', repository: '*/*' }],
    [{ repository: 'example/app,**' }],
    [{ repository: '**,!evil/**' }],
  ])('are refused if wildcards are all that they say: %j', (claims) => {
    for (const issuer of ['github', 'gitlab', 'own']) {
      expect(problemOf(issuer, claims as Record<string, string>)).toMatch(
        /^OIDC_USERS\.app\.claims: would let in everybody who has a token of https:\S+: name a claim/,
      );
    }
  });

  it.each<[string, Record<string, string>]>([
    ['github', { repository: 'example/app' }],
    ['github', { repository: 'example/*,!example/secret' }],
    ['github', { repository: 'example/**, other/app', ref: '**' }],
    ['github', { repository_owner: 'example' }],
    ['github', { repository_id: '74' }],
    ['github', { repository_owner_id: '65,66' }],
    ['github', { sub: 'repo:example/app:ref:refs/heads/main' }],
    ['github', { sub: 'repo:example/*:environment:production' }],
    ['github', { sub: 'repo:example@65/app@74:**' }],
    ['github', { repository: '*/app', repository_owner: 'example' }],
    ['gitlab', { project_path: 'example/**' }],
    ['gitlab', { project_id: '22' }],
    ['gitlab', { namespace_path: 'example' }],
    ['gitlab', { namespace_path: 'example/**' }],
    ['gitlab', { namespace_id: '72' }],
    ['gitlab', { sub: 'project_path:example/**' }],
    ['own', { ref: 'refs/heads/*' }],
  ])('say whose a job is: %s %j', (issuer, claims) => {
    expect(problemOf(issuer, claims)).toBe('');
  });

  it.each<[string, Record<string, string>]>([
    ['github', { ref: 'refs/heads/main' }],
    ['github', { environment: 'production', workflow: 'release' }],
    ['github', { actor: 'alice' }],
    ['github', { job_workflow_ref: 'example/workflows/.github/workflows/release.yml@refs/heads/main' }],
    ['github', { repository: '*/app' }],
    ['github', { repository: 'ex*/app' }],
    ['github', { repository: 'example*' }],
    ['github', { repository: 'example**' }],
    ['github', { repository: '/**a' }],
    ['github', { repository: 'example/app,*/other' }],
    ['github', { repository_owner: 'example*' }],
    ['github', { repository_owner: 'example,e*' }],
    ['github', { repository_id: '7*' }],
    ['github', { repository_owner_id: '*5' }],
    ['github', { sub: 'repo:*/app:ref:refs/heads/main' }],
    ['github', { sub: 'repo:example*:**' }],
    ['github', { sub: '*:example/app:ref:refs/heads/main' }],
    ['github', { sub: 'environment:production' }],
    ['github', { project_path: 'example/app' }],
    ['gitlab', { project_path: '*/app' }],
    ['gitlab', { namespace_path: 'example*' }],
    ['gitlab', { namespace_id: '7*' }],
    ['gitlab', { project_id: '*2' }],
    ['gitlab', { sub: 'project_path:*/app:ref_type:branch:ref:main' }],
    ['gitlab', { sub: 'project_path:example' }],
    ['gitlab', { repository: 'example/app' }],
    ['gitlab', { user_login: 'alice' }],
    ['gitlab', { ref: 'main', ref_protected: 'true' }],
  ])('are refused if strangers have them, too: %s %j', (issuer, claims) => {
    expect(problemOf(issuer, claims)).toMatch(
      /^OIDC_USERS\.app\.claims: would let in strangers, since everybody gets tokens of https:\S+: name the owner/,
    );
  });

  it('are judged alike however the address of a shared issuer is written', () => {
    const github = {
      ...GITHUB,
      issuer: 'https://Token.Actions.GithubUserContent.com:443/',
      jwks_uri: 'https://a.test/',
    };
    expect(problemsOf({ github }, { app: { ...APP, claims: { ref: 'a' } } }).join()).toContain(
      'would let in strangers',
    );
  });
});

describe('identities that log in', () => {
  const WRITER = { ...APP, push: ['team/app'] };
  const ACCOUNT = {
    ...{ ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'a', ORIGIN_PASSWORD: 'b', ALLOW_REPOSITORIES: 'team/**' },
  };
  const users = (...names: string[]) =>
    JSON.stringify(Object.fromEntries(names.map((name) => [name, { secret: SHA256, pull: ['a'] }])));
  const anonymous = JSON.stringify({ anonymous: { pull: ['a'] }, ci: { secret: SHA256, pull: ['a'] } });

  it.each<[string, Record<string, unknown>, boolean]>([
    ['an account', ACCOUNT, true],
    ['two users with secrets', { USERS: users('a', 'b') }, true],
    ['nothing', {}, false],
    ['one user, who knows the only secret', { USERS: users('a') }, false],
    ['one user with a secret, and somebody without', { USERS: anonymous }, false],
  ])('may push with %s, or may not', (_what, variables, isAllowed) => {
    const problem = 'OIDC_USERS: a push requires ORIGIN_ACCOUNT, or two users with secrets in USERS';
    expect(problemsOf(ISSUERS, { app: WRITER }, variables)).toEqual(
      isAllowed ? [] : [expect.stringContaining(problem)],
    );
    expect(problemsOf(ISSUERS, { app: APP }, variables)).toEqual([]);
    if (isAllowed) expect(parse(ISSUERS, { app: WRITER }, variables).upstreams[0].allowsWrites).toBe(true);
  });

  it('push only with what makes that possible', () => {
    const variables = { ...ACCOUNT, LEND_ACCOUNT: 'public', UPLOAD_ORIGIN: 'direct' };
    expect(problemsOf(ISSUERS, { app: WRITER }, variables)).toEqual([
      expect.stringContaining('LEND_ACCOUNT: expected all'),
      expect.stringContaining('UPLOAD_ORIGIN: expected edge'),
    ]);
  });

  it('may delete without an account, since no upload is theirs', () => {
    const { upstreams } = parse(ISSUERS, { app: { ...APP, delete: ['team/old'] } });
    expect(upstreams[0].allowsWrites).toBe(true);
  });

  it('have no effect where others judge, nor have issuers whose tokens nobody uses', () => {
    const { warnings, upstreams } = parse(ISSUERS, { app: APP }, { CLIENT_AUTH: 'anonymous' });
    expect(warnings).toEqual([
      expect.stringMatching(/^OIDC_ISSUERS has no effect without CLIENT_AUTH=basic/),
      expect.stringMatching(/^OIDC_USERS has no effect without CLIENT_AUTH=basic/),
    ]);
    expect([upstreams[0].identities, upstreams[0].allowsWrites]).toEqual([undefined, false]);
    expect(parse(ISSUERS, '', { USERS: users('a') }).warnings).toEqual([
      expect.stringMatching(/^OIDC_ISSUERS has no effect without OIDC_USERS/),
    ]);
  });

  it('are those of one upstream, and are never inherited', () => {
    const one = { ORIGIN_URL: 'https://a.test', HOSTS: 'one.test', OIDC_ISSUERS: ISSUERS, OIDC_USERS: { app: APP } };
    const two = { ORIGIN_URL: 'https://b.test', HOSTS: 'two.test', CLIENT_AUTH: 'origin' };
    const { upstreams } = parse('', '', { ORIGIN_URL: '', UPSTREAMS: { one, two } });
    expect(upstreams.map(({ identities }) => identities?.users.length)).toEqual([1, undefined]);
    const bare = { UPSTREAMS: { one: { ORIGIN_URL: 'https://a.test', HOSTS: 'one.test' } } };
    expect(problemsOf(ISSUERS, { app: APP }, bare)).toEqual([expect.stringContaining('UPSTREAMS.one.USERS: expected')]);
    const bad = { ...one, OIDC_USERS: { app: { ...APP, issuer: 'x' } } };
    expect(problemsOf('', '', { ORIGIN_URL: '', UPSTREAMS: { bad } })).toEqual([
      expect.stringContaining('UPSTREAMS.bad.OIDC_USERS.app.issuer: expected'),
    ]);
  });
});
