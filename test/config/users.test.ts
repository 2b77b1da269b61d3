import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';

const SHA256 = 'a'.repeat(64);
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const BCRYPT = `$2y$05$${'a'.repeat(53)}`;
const BASE = { ORIGIN_URL: 'https://registry.example.com', CLIENT_AUTH: 'basic', REPOSITORIES: {} };
const parse = (users: unknown, variables: Record<string, unknown> = {}) =>
  parseConfig({ ...BASE, USERS: typeof users === 'string' ? users : JSON.stringify(users), ...variables }, BACKENDS);

function problemOf(users: unknown, variables: Record<string, unknown> = {}): string {
  try {
    parse(users, variables);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

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
    ['none', '', 'USERS: expected users, since CLIENT_AUTH=basic'],
    ['an empty object', {}, 'USERS: expected users, since CLIENT_AUTH=basic'],
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
      'a right to push',
      { b: { secret: SHA256, pull: ['a'] }, a: { secret: SHA256, pull: ['a'], push: ['a'] } },
      'user 2: expected secret and pull, and nothing else',
    ],
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

  it('have no effect where others judge', () => {
    const { warnings, upstreams } = parse({ ci: { secret: SHA256, pull: ['a'] } }, { CLIENT_AUTH: 'anonymous' });
    expect([warnings[0], upstreams[0].users]).toEqual([expect.stringMatching(/^USERS has no effect/), undefined]);
  });
});
