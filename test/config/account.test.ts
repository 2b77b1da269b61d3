import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';
import { problemIn } from '../support/problem.ts';

const MIRROR = { ORIGIN_URL: 'https://registry.example.com', CLIENT_AUTH: 'anonymous', REPOSITORIES: {} };
const ACCOUNT = {
  ...{ ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'mirror', ORIGIN_PASSWORD: 'correct horse' },
  ALLOW_REPOSITORIES: 'team/*',
};
const parse = (variables: Record<string, unknown>) => parseConfig({ ...MIRROR, ...variables }, BACKENDS);

const problemOf = (variables: Record<string, unknown>) => problemIn(() => parse(variables));

describe('ORIGIN_ACCOUNT', () => {
  it('is an account with a password, and what it is lent for', () => {
    const [upstream] = parse(ACCOUNT).upstreams;
    expect(upstream.account).toEqual({ kind: 'password', name: 'mirror', password: 'correct horse', lentFor: 'all' });
    expect([upstream.policies.allowed?.matches('team/app'), upstream.policies.allowed?.matches('other/app')]).toEqual([
      true,
      false,
    ]);
    expect(parse({}).upstreams[0].account).toBeUndefined();
  });

  it.each<[Record<string, string>, string]>([
    [{ ORIGIN_ACCOUNT: 'token' }, 'ORIGIN_ACCOUNT: expected password or ecr or google, or none'],
    [{ CLIENT_AUTH: 'origin' }, 'ORIGIN_ACCOUNT: requires CLIENT_AUTH=basic or anonymous'],
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
    expect(upstreams.map(({ account }) => account)).toEqual([
      ...[undefined, expect.objectContaining({ password: ORIGIN_PASSWORD }), undefined],
    ]);
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
    expect(upstreams[0].policies.allowed?.matches('team/app')).toBe(true);
  });

  const ECR = {
    ...{ ORIGIN_ACCOUNT: 'ecr', AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'hunter2hunter2' },
    ...{ AWS_REGION: 'eu-central-1', ALLOW_REPOSITORIES: 'team/*' },
  };
  const KEY = {
    client_email: 'mirror@project.iam.gserviceaccount.com',
    private_key: ['-----BEGIN PRIVATE KEY-----', 'hunter2hunter2', '-----END PRIVATE KEY-----'].join('\n'),
    token_uri: 'https://oauth2.googleapis.com/token',
  };
  const google = (key: object) => ({
    ...{ ORIGIN_ACCOUNT: 'google', GOOGLE_SERVICE_ACCOUNT: JSON.stringify(key), ALLOW_REPOSITORIES: 'team/*' },
  });

  it('may be an IAM user of AWS, or a service account of Google', () => {
    expect(parse(ECR).upstreams[0].account).toMatchObject({ kind: 'ecr', name: 'AKIDEXAMPLE', region: 'eu-central-1' });
    expect(parse(google(KEY)).upstreams[0].account).toMatchObject({ kind: 'google', name: KEY.client_email });
    const allowed = { TOKEN_REALMS_ALLOWED: 'auth.test' };
    const other = parse({ ...google({ ...KEY, token_uri: 'https://auth.test/token' }), ...allowed }).upstreams[0];
    expect(other.account).toMatchObject({ tokenUri: new URL('https://auth.test/token') });
  });

  it.each<[Record<string, string>, string]>([
    [{ ...ECR, AWS_ACCESS_KEY_ID: '' }, 'AWS_ACCESS_KEY_ID: expected the id'],
    [{ ...ECR, AWS_SECRET_ACCESS_KEY: '' }, 'AWS_SECRET_ACCESS_KEY: expected the secret'],
    [{ ...ECR, AWS_REGION: 'eu-central-1.evil.test/' }, 'AWS_REGION: expected the region'],
    [{ ...ECR, AWS_ENDPOINT_URL: 'http://aws.test' }, 'AWS_ENDPOINT_URL: expected the https URL'],
    [{ ...google(KEY), GOOGLE_SERVICE_ACCOUNT: '{' }, 'GOOGLE_SERVICE_ACCOUNT: expected the JSON key'],
    [google({ ...KEY, token_uri: 'https://evil.test/token' }), 'GOOGLE_SERVICE_ACCOUNT: expected'],
    [google({ ...KEY, token_uri: 'http://oauth2.googleapis.com/token' }), 'GOOGLE_SERVICE_ACCOUNT: expected'],
    [google({ ...KEY, private_key: 'hunter2hunter2' }), 'GOOGLE_SERVICE_ACCOUNT: expected'],
    [google({ ...KEY, client_email: 7 }), 'GOOGLE_SERVICE_ACCOUNT: expected'],
  ])('%j is refused', (variables, expected) => {
    const problem = problemOf(variables);
    expect(problem).toContain(expected);
    expect(problem).not.toContain('hunter2hunter2');
  });
});
