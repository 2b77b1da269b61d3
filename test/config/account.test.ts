import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';

const MIRROR = { ORIGIN_URL: 'https://registry.example.com', CLIENT_AUTH: 'anonymous', REPOSITORIES: {} };
const ACCOUNT = {
  ...{ ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'mirror', ORIGIN_PASSWORD: 'correct horse' },
  ALLOW_REPOSITORIES: 'team/*',
};
const parse = (variables: Record<string, unknown>) => parseConfig({ ...MIRROR, ...variables }, BACKENDS);

function problemOf(variables: Record<string, unknown>): string {
  try {
    parse(variables);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

describe('ORIGIN_ACCOUNT', () => {
  it('is an account with a password, and what it is lent for', () => {
    const [upstream] = parse(ACCOUNT).upstreams;
    expect(upstream.account).toEqual({ name: 'mirror', password: 'correct horse', lentFor: 'all' });
    expect([upstream.allowed?.matches('team/app'), upstream.allowed?.matches('other/app')]).toEqual([true, false]);
    expect(parse({}).upstreams[0].account).toBeUndefined();
  });

  it.each<[Record<string, string>, string]>([
    [{ ORIGIN_ACCOUNT: 'token' }, 'ORIGIN_ACCOUNT: expected password, or none'],
    [{ CLIENT_AUTH: 'origin' }, 'ORIGIN_ACCOUNT: requires CLIENT_AUTH=anonymous'],
    [{ ORIGIN_USERNAME: '' }, 'ORIGIN_USERNAME: expected the name of the account'],
    [{ ORIGIN_USERNAME: 'a:b' }, 'ORIGIN_USERNAME: expected the name of the account, without a colon'],
    [{ ORIGIN_PASSWORD: '' }, 'ORIGIN_PASSWORD: expected the password'],
    [{ ORIGIN_PASSWORD: 'a\nb' }, 'ORIGIN_PASSWORD: expected the password'],
    [{ ALLOW_REPOSITORIES: '' }, 'ALLOW_REPOSITORIES: expected the repositories for which'],
    [{ ALLOW_REPOSITORIES: 'a b' }, 'ALLOW_REPOSITORIES: expected at most 100 patterns'],
    ...['*', '**', '*/**', '**/*', 'team/*,*/*', '***'].map(
      (all) =>
        [{ ALLOW_REPOSITORIES: all }, 'would show everybody all that the account may see'] as [
          Record<string, string>,
          string,
        ],
    ),
  ])('%j is refused: %s', (variables, expected) => {
    const problem = problemOf({ ...ACCOUNT, ...variables });
    expect(problem).toContain(expected);
    expect(problem).not.toContain('correct horse');
  });

  it('may be lent for everything that is public', () => {
    const [upstream] = parse({ ...ACCOUNT, ALLOW_REPOSITORIES: '**', LEND_ACCOUNT: 'public' }).upstreams;
    expect(upstream.account?.lentFor).toBe('public');
  });

  it('is of one upstream, whose password is a secret', () => {
    const { ORIGIN_PASSWORD, ...own } = ACCOUNT;
    const hub = { ...own, PRESET: 'docker-hub', ORIGIN_PASSWORD_SECRET: 'HUB_PASSWORD' };
    const UPSTREAMS = { hub, ghcr: { PRESET: 'ghcr' } };
    const { upstreams } = parse({ UPSTREAMS, HUB_PASSWORD: ORIGIN_PASSWORD });
    expect(upstreams.map(({ account }) => account?.password)).toEqual([undefined, ORIGIN_PASSWORD, undefined]);
    expect(problemOf({ UPSTREAMS: { hub: { ...hub, ORIGIN_PASSWORD } } })).toContain('ORIGIN_PASSWORD: is a secret');
  });

  it('is what the other variables are about', () => {
    const { ORIGIN_ACCOUNT: _none, ...rest } = ACCOUNT;
    const { warnings, upstreams } = parse({ ...rest, LEND_ACCOUNT: 'public' });
    expect(warnings.map((warning) => warning.split(' ')[0])).toEqual([
      'ORIGIN_USERNAME',
      'ORIGIN_PASSWORD',
      'LEND_ACCOUNT',
    ]);
    expect(upstreams[0].allowed?.matches('team/app')).toBe(true);
  });
});
