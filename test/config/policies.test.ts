import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';
import { problemIn } from '../support/problem.ts';

const BASE = { ORIGIN_URL: 'https://registry.example.com', REPOSITORIES: {} };
const parse = (variables: Record<string, unknown>) => parseConfig({ ...BASE, ...variables }, BACKENDS);

const problemOf = (variables: Record<string, unknown>) => problemIn(() => parse(variables));

describe('policies', () => {
  it('are patterns of repositories and tags', () => {
    const [{ policies }] = parse({
      ...{ DENY_REPOSITORIES: 'team/secret', IMMUTABLE_TAGS: 'v*, team/app:release-*, !v*-rc' },
      TAG_TTLS: 'latest=30s, team/**:v*=1d',
    }).upstreams;
    const { denied, immutableTags, tagTtls } = policies;
    expect([denied.matches('team/secret'), denied.matches('team/app')]).toEqual([true, false]);
    const tags = ['a/b:v1', 'team/app:release-1', 'team/other:release-1', 'a:v1-rc', 'a:latest'];
    expect(tags.map((tag) => immutableTags.matches(tag))).toEqual([true, true, false, false, false]);
    expect(tagTtls.map(({ ms }) => ms)).toEqual([30_000, 86_400_000]);
    expect(
      ['other:latest', 'team/a/b:v2', 'other:v2'].map((tag) => tagTtls.findIndex((one) => one.tags.matches(tag))),
    ).toEqual([...[0, 1, -1]]);
  });

  it.each([
    ['POLICY_MODE', 'dry'],
    ['DENY_REPOSITORIES', 'a b'],
    ['DENY_REPOSITORIES', '!a'],
    ['IMMUTABLE_TAGS', 'a/b'],
    ['IMMUTABLE_TAGS', 'a:b:c'],
    ['IMMUTABLE_TAGS', '!v*'],
    ['IMMUTABLE_TAGS', 'v*,,'],
    ['IMMUTABLE_TAGS', 'team/app:'],
    ['COOLDOWN', '91d'],
    ['COOLDOWN_TAGS', '!v*'],
    ['COOLDOWN_DIGESTS', 'yes'],
    ['COOLDOWN_UNKNOWN', 'ask'],
    ['TAG_TTLS', 'latest'],
    ['TAG_TTLS', 'latest=soon'],
    ['TAG_TTLS', 'latest=21d'],
    ['TAG_TTLS', '=30s'],
    ['TAG_TTLS', '!latest=30s'],
    ['TAG_TTLS', 'latest=30s=40s'],
    ['TAG_TTLS', Array.from({ length: 101 }, (_, n) => `t${n}=1s`).join()],
  ])('are not valid: %s=%s', (name, value) => {
    expect(problemOf({ [name]: value })).toContain(`${name}: expected`);
  });

  it('have a cooldown for all tags but those of a digest', () => {
    const [{ policies }] = parse({ COOLDOWN: '3d' }).upstreams;
    const { tags, ...cooldown } = policies.cooldown ?? {};
    expect(cooldown).toEqual({ forMs: 259_200_000, coversDigests: false, unknown: 'pass' });
    const names = ['a/b:latest', 'a:sha256-0a.sig', 'a:sha512-0a', 'a:sha256'];
    expect(names.map((name) => tags?.matches(name))).toEqual([true, false, false, true]);
    expect(parse({}).upstreams[0].policies.cooldown).toBe(undefined);
  });

  it.each(['kv', 'redis', 'inmemory'])('keep no history of tags in %s, which a cooldown needs', (store) => {
    const redis = { UPSTASH_REDIS_REST_URL: 'https://redis.test', UPSTASH_REDIS_REST_TOKEN: 'x' };
    const variables = { ...redis, DESCRIPTORS: {}, BLOBDESCRIPTOR: store };
    expect(problemOf({ ...variables, COOLDOWN: '3d' })).toContain('COOLDOWN: requires BLOBDESCRIPTOR=durable');
    expect(() => parse(variables)).not.toThrow();
  });

  it('warn of a cooldown that nobody meets, and of what belongs to none', () => {
    expect(parse({ COOLDOWN: '3d' }).warnings).toEqual([expect.stringContaining('COOLDOWN has no effect while')]);
    expect(parse({ CLIENT_AUTH: 'anonymous', COOLDOWN_UNKNOWN: 'deny' }).warnings).toEqual([
      expect.stringContaining('COOLDOWN_UNKNOWN has no effect without COOLDOWN'),
    ]);
  });

  it('of an upstream count before those of the whole edge', () => {
    const one = { ORIGIN_URL: 'https://a.test', HOSTS: 'a.test', IMMUTABLE_TAGS: 'r*' };
    const other = { ORIGIN_URL: 'https://b.test', HOSTS: 'b.test' };
    const { upstreams } = parse({ IMMUTABLE_TAGS: 'v*', DENY_REPOSITORIES: 'x', UPSTREAMS: { one, other } });
    expect(upstreams.map(({ policies }) => ['a:v1', 'a:r1'].map((tag) => policies.immutableTags.matches(tag)))).toEqual(
      [
        ...[
          [true, false],
          [false, true],
          [true, false],
        ],
      ],
    );
    expect(upstreams.map(({ policies }) => policies.denied.matches('x'))).toEqual([true, false, false]);
  });
});
