import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';
import { problemIn } from '../support/problem.ts';

const SHA256 = 'a'.repeat(64);
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const BCRYPT = `$2y$05$${'a'.repeat(53)}`;
const BASE = { ORIGIN_URL: 'https://registry.example.com', CLIENT_AUTH: 'basic', REPOSITORIES: {} };
const parse = (users: unknown, variables: Record<string, unknown> = {}) =>
  parseConfig({ ...BASE, USERS: typeof users === 'string' ? users : JSON.stringify(users), ...variables }, BACKENDS);

const problemOf = (users: unknown, variables: Record<string, unknown> = {}) => problemIn(() => parse(users, variables));

describe('USERS', () => {
  it('have a secret, and patterns of what they pull', () => {
    const { upstreams, warnings } = parse({
      ci: { secret: SHA256, pull: ['team/*', '!team/secret'] },
      alice: { secret: BCRYPT, pull: ['**'] },
      anonymous: { pull: ['public/*'] },
    });
    const list = upstreams[0].users ?? [];
    expect(list.map(({ name, secret }) => [name, secret?.kind])).toEqual([
      ...[
        ['ci', 'sha256'],
        ['alice', 'bcrypt'],
        ['anonymous', undefined],
      ],
    ]);
    expect(['team/app', 'team/secret'].map((name) => list[0]?.pull.matches(name))).toEqual([true, false]);
    expect(warnings).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['none', '', 'USERS: expected users here or in OIDC_USERS, since CLIENT_AUTH=basic'],
    ['an empty object', {}, 'USERS: expected users here or in OIDC_USERS, since CLIENT_AUTH=basic'],
    ['what is no JSON', '{', 'USERS: expected an object of users'],
    ['a list', '[]', 'USERS: expected an object of users'],
    ['a name with a colon', { 'a:b': { secret: SHA256, pull: ['a'] } }, 'user 1: expected a name'],
    ['no object', { a: 'hunter2' }, 'user 1: expected an object'],
    ['a secret in clear', { a: { secret: 'hunter2', pull: ['a'] } }, 'user 1: secret: expected the SHA-256'],
    ['a high cost', { a: { secret: BCRYPT.replace('05', '06'), pull: ['a'] } }, 'user 1: secret: expected'],
    ['the hash of nothing', { a: { secret: EMPTY, pull: ['a'] } }, 'user 1: secret: expected the SHA-256'],
    ['no secret', { a: { pull: ['a'] } }, 'user 1: secret: expected'],
    ['a secret for anybody', { anonymous: { secret: SHA256, pull: ['a'] } }, 'user 1: expected no secret'],
    ['no repositories', { a: { secret: SHA256, pull: [] } }, 'user 1: pull: expected patterns'],
    ['a bad pattern', { a: { secret: SHA256, pull: ['a b'] } }, 'user 1: pull: expected patterns'],
    [
      'an unknown right',
      { b: { secret: SHA256, pull: ['a'] }, a: { secret: SHA256, pull: ['a'], admin: true } },
      'user 2: expected secret, pull, push, delete, catalog, and nothing else',
    ],
    ['a push without a pull', { a: { secret: SHA256, push: ['a'] } }, 'user 1: pull: expected patterns'],
    ['a bad pattern of a push', { a: { secret: SHA256, pull: ['a'], push: 'a' } }, 'user 1: push: expected patterns'],
    ['a bad pattern of a delete', { a: { secret: SHA256, pull: ['a'], delete: [''] } }, 'user 1: delete: expected'],
    ['no flag', { a: { secret: SHA256, pull: ['a'], catalog: 'yes' } }, 'user 1: catalog: expected true or false'],
    ['a push by anybody', { anonymous: { pull: ['a'], push: ['a'] } }, 'user 1: expected neither push nor delete'],
    ['a delete by anybody', { anonymous: { pull: ['a'], delete: ['a'] } }, 'user 1: expected neither push nor delete'],
    ['too many', Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`u${n}`, {}])), 'at most 1000 users'],
  ])('are refused: %s', (_what, users, expected) => {
    const problem = problemOf(users);
    expect(problem).toContain(expected);
    expect(problem).not.toMatch(/hunter2|aaaa/);
  });

  it('are not of an upstream that is chosen by a prefix, and are a secret of each other one', () => {
    const own = { ORIGIN_URL: 'https://a.test', CLIENT_AUTH: 'basic', USERS_SECRET: 'ONES_USERS' };
    const secrets = { ONES_USERS: JSON.stringify({ ci: { secret: SHA256, pull: ['a'] } }), USERS: '', CLIENT_AUTH: '' };
    expect(problemOf('', { ...secrets, UPSTREAMS: { one: { ...own, PREFIX: 'one' } } })).toContain(
      'UPSTREAMS.one.PREFIX',
    );
    const { upstreams } = parse('', { ...secrets, UPSTREAMS: { one: { ...own, HOSTS: 'one.test' } } });
    expect(upstreams.map(({ users }) => users?.map(({ name }) => name))).toEqual([undefined, ['ci']]);
    expect(problemOf('', { ...secrets, UPSTREAMS: { one: { ...own, HOSTS: 'one.test', USERS: '{}' } } })).toContain(
      'is a secret',
    );
  });

  it('may push, delete and list what is named for them', () => {
    const { upstreams } = parse({
      ci: { secret: SHA256, pull: ['**'], push: ['team/*'], delete: ['team/old'], catalog: true },
      reader: { secret: SHA256, pull: ['**'], push: [] },
    });
    const [{ allowsWrites, users = [] }] = upstreams;
    const rights = users.map((user) => [user.push.matches('team/app'), user.delete.matches('team/old'), user.catalog]);
    expect([allowsWrites, rights]).toEqual([
      true,
      [
        [true, true, true],
        [false, false, false],
      ],
    ]);
    const readers = { reader: { secret: SHA256, pull: ['**'] } };
    expect(parse(readers).upstreams[0].allowsWrites).toBe(false);
    expect(parse(readers, { PUSH_EXISTENCE_TTL: '1m' }).warnings).toEqual([
      expect.stringContaining('PUSH_EXISTENCE_TTL'),
    ]);
  });

  it.each([
    [{ UPLOAD_ORIGIN: 'direct' }, 'UPLOAD_ORIGIN: expected edge'],
    [
      {
        ...{ LEND_ACCOUNT: 'public', ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'a', ORIGIN_PASSWORD: 'b' },
        ALLOW_REPOSITORIES: 'team/*',
      },
      'LEND_ACCOUNT: expected all',
    ],
  ])('push only with what makes that possible: %j', (variables, expected) => {
    const writers = { ci: { secret: SHA256, pull: ['**'], push: ['team/*'] } };
    expect(problemOf(writers, variables)).toContain(expected);
    expect(problemOf({ ci: { secret: SHA256, pull: ['**'] } }, variables)).toBe('');
  });

  it('have no effect where others judge', () => {
    const { warnings, upstreams } = parse({ ci: { secret: SHA256, pull: ['a'] } }, { CLIENT_AUTH: 'anonymous' });
    expect([warnings[0], upstreams[0].users]).toEqual([expect.stringMatching(/^USERS has no effect/), undefined]);
  });
});
