import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { ConfigError, parseConfig, variableNames } from '../../src/config/config.ts';
import { PRESET_NAMES } from '../../src/config/presets.ts';

const BINDINGS = { REPOSITORIES: {}, DESCRIPTORS: {} };
const URL_OF = { ORIGIN_URL: 'https://registry.example.com' };
const HUB = { PRESET: 'docker-hub' };
const MIRROR = { ...URL_OF, CLIENT_AUTH: 'anonymous' };

const parse = (UPSTREAMS: unknown, variables: Record<string, unknown> = {}) =>
  parseConfig({ ...BINDINGS, ...variables, UPSTREAMS }, BACKENDS);

function problemsOf(UPSTREAMS: unknown, variables: Record<string, unknown> = {}): string[] {
  try {
    parse(UPSTREAMS, variables);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.split('\n').slice(1);
  }
  return [];
}

describe('UPSTREAMS', () => {
  it('is an object, as wrangler gives it, or its JSON', () => {
    const upstreams = { hub: HUB, mine: { ...URL_OF, HOSTS: 'mine.example.com', DELETE_ENABLED: false } };
    const [object, json] = [upstreams, JSON.stringify(upstreams)].map((given) => parse(given).upstreams);
    expect(json).toEqual(object);
    expect(object?.map(({ alias, originUrl, deleteEnabled }) => [alias, originUrl.host, deleteEnabled])).toEqual([
      ['hub', 'registry-1.docker.io', true],
      ['mine', 'registry.example.com', false],
    ]);
  });

  it.each([[undefined], [''], [{}], ['{}']])('may be %j: the only upstream is the one of ORIGIN_URL', (given) => {
    const { upstreams } = parse(given, URL_OF);
    expect(upstreams.map(({ alias }) => alias)).toEqual(['']);
    expect(problemsOf(given)).toEqual([expect.stringContaining('ORIGIN_URL')]);
  });

  it('has the upstream of ORIGIN_URL, or of a preset, in front', () => {
    for (const own of [URL_OF, HUB]) {
      expect(parse({ hub: HUB }, own).upstreams.map(({ alias }) => alias)).toEqual(['', 'hub']);
    }
  });

  it('takes from the whole edge what is not its own, and a preset before that', () => {
    const edge = { TAG_TTL: '3s', CLIENT_AUTH: 'origin', EVENTS_TOKEN: 'a'.repeat(16), LIST_TTL: '7s' };
    const { upstreams } = parse({ hub: { ...HUB, TAG_TTL: '4s' }, other: { ...MIRROR, HOSTS: 'a.test' } }, edge);
    expect(upstreams).toMatchObject([
      { tagTtlMs: 4_000, listTtlMs: 7_000, clientAuth: 'anonymous', eventsToken: edge.EVENTS_TOKEN },
      { tagTtlMs: 3_000, listTtlMs: 7_000, clientAuth: 'anonymous' },
    ]);
  });

  it('has nothing of the registry in front: neither its address and names nor what proves access to it', () => {
    const own = {
      ...{ ORIGIN_URL: 'https://first.example.com', MIRRORED_HOSTS: 'first.example.com', DEFAULT_NAMESPACE: 'team' },
      ...{ TOKEN_REALM: 'edge', TOKEN_ISSUER: 'issuer', TOKEN_SERVICE: 'service', PULL_ONLY_SUBJECTS: 'ci' },
      TOKEN_JWKS_URL: 'https://first.example.com/keys',
    };
    const [first, other] = parse({ other: { ...URL_OF, HOSTS: 'other.test' } }, own).upstreams;
    expect(first).toMatchObject({ mirroredHosts: ['first.example.com'], defaultNamespace: 'team', tokenRealm: 'edge' });
    expect(first.tokens).toBeDefined();
    expect(other).toMatchObject({ mirroredHosts: [], defaultNamespace: undefined, tokenRealm: 'origin' });
    expect(other?.tokens).toBeUndefined();
  });

  it('names a secret, and has its value', () => {
    const { upstreams } = parse({ hub: { ...HUB, EVENTS_TOKEN_SECRET: 'HUB_EVENTS' } }, { HUB_EVENTS: 'b'.repeat(16) });
    expect(upstreams[0].eventsToken).toBe('b'.repeat(16));
    expect(variableNames(BACKENDS, { hub: { EVENTS_TOKEN_SECRET: 'HUB_EVENTS' } })).toContain('HUB_EVENTS');
    expect(variableNames(BACKENDS, '{"hub":{"EVENTS_TOKEN_SECRET":"HUB_EVENTS"}}')).toContain('HUB_EVENTS');
  });

  it.each(PRESET_NAMES.filter((name) => name !== 'google'))(
    'chooses the preset %s by the hosts of its registry, if nothing else does',
    (PRESET) => {
      const { upstreams, warnings } = parse({ it: { PRESET } });
      expect([upstreams[0].chosenBy.ns, warnings]).toEqual([upstreams[0].mirroredHosts, []]);
      expect(parse({ it: { PRESET, PREFIX: 'it' } }).upstreams[0].chosenBy).toEqual({
        hosts: [],
        prefix: 'it',
        ns: [],
      });
    },
  );

  it.each<[unknown, string, Record<string, unknown>?]>([
    ['{', 'UPSTREAMS: expected an object'],
    [[], 'UPSTREAMS: expected an object'],
    ['[]', 'UPSTREAMS: expected an object'],
    [7, 'UPSTREAMS: expected an object'],
    [{ Hub: HUB }, 'UPSTREAMS."Hub": expected a name'],
    [{ 'a::b': HUB }, 'UPSTREAMS."a::b": expected a name'],
    [{ '': HUB }, 'UPSTREAMS."": expected a name'],
    [{ ['a'.repeat(33)]: HUB }, 'expected a name of at most 32'],
    [{ hub: 'docker-hub' }, 'UPSTREAMS.hub: expected an object of variables'],
    [{ hub: null }, 'UPSTREAMS.hub: expected an object of variables'],
    [Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`a${n}`, { ...MIRROR, PREFIX: `a${n}` }])), 'at most 50'],
    [{ hub: { HOSTS: 'a.test' } }, 'UPSTREAMS.hub.ORIGIN_URL: expected the base URL'],
    [{ hub: { ...MIRROR, HOSTS: 'a.test', TAG_TTL: '10' } }, 'UPSTREAMS.hub.TAG_TTL: expected a duration'],
    [{ hub: { ...MIRROR, HOSTS: 'https://a.test' } }, 'UPSTREAMS.hub.HOSTS: expected'],
    [{ hub: { ...MIRROR, PREFIX: 'Hub' } }, 'UPSTREAMS.hub.PREFIX: expected the beginning'],
    [{ hub: { ...MIRROR, PREFIX: { a: 1 } } }, 'UPSTREAMS.hub.PREFIX: expected the beginning'],
    [{ hub: { ...MIRROR, NS: 'docker.io/library' } }, 'UPSTREAMS.hub.NS: expected'],
    [{ hub: { ...HUB, HOSTS: [] } }, 'UPSTREAMS.hub.HOSTS: expected'],
    [{ hub: { ...HUB, HOSTS: { toString: 1, valueOf: 1 } } }, 'UPSTREAMS.hub.HOSTS: expected'],
    [{ hub: { PRESET: { toString: 1, valueOf: 1 }, HOSTS: 'a.test' } }, 'UPSTREAMS.hub.PRESET: expected'],
    [{ hub: { ...HUB, ORIGIN_URL: { toString: 1, valueOf: 1 } } }, 'UPSTREAMS.hub.ORIGIN_URL: expected'],
    ['{"hub":{"__proto__":{"PRESET":"ghcr"}}}', 'UPSTREAMS.hub."__proto__": is no variable'],
    ['{"__proto__":{"PRESET":"ghcr"}}', 'UPSTREAMS."__proto__": expected a name'],
    [{ hub: { ...MIRROR, HOSTS: 'a.test', MEMORY_BYTES: '1MiB' } }, 'UPSTREAMS.hub.MEMORY_BYTES: holds for all'],
    [{ hub: { ...MIRROR, HOSTS: 'a.test', BLOBDESCRIPTOR: 'kv' } }, 'UPSTREAMS.hub.BLOBDESCRIPTOR: holds for all'],
    [{ hub: { ...MIRROR, HOSTS: 'a.test', REDIS_SHARED: true } }, 'UPSTREAMS.hub.REDIS_SHARED: holds for all'],
    [{ hub: { ...MIRROR, HOSTS: 'a.test', TAG_TLL: '1s' } }, 'UPSTREAMS.hub.TAG_TLL: is no variable'],
    [{ hub: { ...MIRROR, HOSTS: 'a.test', EVENTS_TOKEN: 'x'.repeat(16) } }, 'UPSTREAMS.hub.EVENTS_TOKEN: is a secret'],
    [{ hub: { ...MIRROR, HOSTS: 'a.test', EVENTS_TOKEN_SECRET: 'NONE' } }, 'expected the name of a secret'],
    [{ hub: { ...MIRROR, HOSTS: 'a.test', EVENTS_TOKEN_SECRET: 7 } }, 'expected the name of a secret'],
    [
      { hub: { ...MIRROR, HOSTS: 'a.test', EVENTS_TOKEN_SECRET: 'SHORT' } },
      'UPSTREAMS.hub.EVENTS_TOKEN: expected a token of 16',
      { SHORT: 'x' },
    ],
    [{ mine: URL_OF }, 'UPSTREAMS.mine: expected HOSTS, PREFIX or NS, since nothing else chooses it'],
    [{ mine: { ...URL_OF, PREFIX: 'a' } }, 'UPSTREAMS.mine.PREFIX: with it clients would send one password'],
    [{ mine: { ...URL_OF, HOSTS: 'a.test', NS: 'b.test' } }, 'UPSTREAMS.mine.NS: with it clients would send'],
    [
      { a: { ...MIRROR, HOSTS: 'a.test,b.test' }, b: { ...MIRROR, HOSTS: 'B.test' } },
      'UPSTREAMS.b.HOSTS: b.test chooses a',
    ],
    [{ a: { ...MIRROR, HOSTS: 'a.test,b.test:443' } }, 'UPSTREAMS.a.HOSTS: expected hosts without a default port'],
    [{ a: { ...MIRROR, HOSTS: 'a.test:80' } }, 'UPSTREAMS.a.HOSTS: expected hosts without a default port'],
    [{ a: { ...MIRROR, PREFIX: 'auth' } }, 'UPSTREAMS.a.PREFIX: auth is', { ...URL_OF, TOKEN_REALM: 'edge' }],
    [
      { a: { ...MIRROR, PREFIX: 'auth' }, b: { ...URL_OF, HOSTS: 'b.test', TOKEN_REALM: 'edge' } },
      'UPSTREAMS.a.PREFIX: auth is in the path of tokens (TOKEN_REALM=edge)',
    ],
    [{ a: { ...MIRROR, PREFIX: 'x' }, b: { ...MIRROR, PREFIX: 'x' } }, 'UPSTREAMS.b.PREFIX: x chooses a'],
    [{ a: HUB, b: { ...MIRROR, NS: 'docker.io' } }, 'UPSTREAMS.b.NS: docker.io chooses a'],
  ])('%j is refused: %s', (given, expected, variables = {}) => {
    const problems = problemsOf(given, variables);
    expect(problems.join('\n')).toContain(expected);
    expect(problems.join('\n')).not.toContain('x'.repeat(16));
  });

  it.each<[string, Record<string, Record<string, string>>]>([
    ['the same host with another port', { a: { ...MIRROR, HOSTS: 'a.test:1' }, b: { ...MIRROR, HOSTS: 'a.test' } }],
    [
      'one prefix on two hosts',
      { a: { ...MIRROR, HOSTS: 'a', PREFIX: 'x' }, b: { ...MIRROR, HOSTS: 'b', PREFIX: 'x' } },
    ],
    ['prefixes that begin each other', { a: { ...MIRROR, PREFIX: 'x' }, b: { ...MIRROR, PREFIX: 'x/y' } }],
    ['the prefix auth where no token comes through the edge', { a: { ...MIRROR, PREFIX: 'auth' } }],
    [
      'a longer one where tokens do',
      { a: { ...MIRROR, PREFIX: 'auth/x' }, b: { ...URL_OF, HOSTS: 'b', TOKEN_REALM: 'edge' } },
    ],
    ['a host that callers log in to', { a: { ...URL_OF, HOSTS: 'a.test' }, b: { ...URL_OF, HOSTS: 'b.test' } }],
  ])('may have %s', (_what, given) => {
    expect(problemsOf(given)).toEqual([]);
  });

  it('names all that is bad, each with its alias', () => {
    const problems = problemsOf({ a: { TAG_TTL: 'x' }, b: { ORIGIN_URL: 'ftp://x' } }, { LOG_LEVEL: 'loud' });
    for (const name of ['a.ORIGIN_URL', 'a.TAG_TTL', 'a:', 'b.ORIGIN_URL', 'b:']) {
      expect(problems.filter((problem) => problem.includes(`UPSTREAMS.${name}`))).toHaveLength(1);
    }
    expect(problems.join()).toContain('LOG_LEVEL');
  });

  it('names what is bad and set for the whole edge once, without an alias', () => {
    const [a, b] = [
      { ...HUB, HOSTS: 'a.test' },
      { ...HUB, HOSTS: 'b.test', TAG_TTL: 'y' },
    ];
    expect(problemsOf({ a, b }, { TAG_TTL: 'x', EVENTS_TOKEN: 'short', CLIENT_AUTH: 'none' })).toEqual([
      expect.stringMatching(/^ {2}TAG_TTL: expected a duration/),
      expect.stringMatching(/^ {2}EVENTS_TOKEN: expected a token/),
      expect.stringMatching(/^ {2}UPSTREAMS\.b\.TAG_TTL: expected a duration/),
    ]);
    expect(problemsOf({ a }, { ...URL_OF, TAG_TTL: 'x' })).toEqual([expect.stringMatching(/^ {2}TAG_TTL: expected/)]);
  });

  it('does not warn of what has an effect in another upstream', () => {
    const edge = { ...URL_OF, TAG_TTL: '20s', TOKEN_REALMS_ALLOWED: 'auth.test', DESCRIPTOR_TTL: '2h' };
    expect(parse({ hub: HUB }, edge).warnings).toEqual([]);
    expect(parse({ hub: { ...HUB, TAG_TTL: '5s', DESCRIPTOR_TTL: '1h' } }, edge).warnings).toEqual([
      expect.stringMatching(/^DESCRIPTOR_TTL has no effect while every caller may push/),
      expect.stringMatching(/^TAG_TTL has no effect/),
    ]);
    // An upstream in which it has no effect, either, is no reason to keep it.
    expect(parse({ other: { ...URL_OF, HOSTS: 'other.test' } }, edge).warnings).toHaveLength(3);
  });

  it('warns of what has no effect', () => {
    const warnings = (given: unknown, variables = {}) => parse(given, variables).warnings;
    expect(warnings({ hub: { ...HUB, PUSH_EXISTENCE_TTL: '1m' } })[0]).toMatch(
      /^UPSTREAMS\.hub\.PUSH_EXISTENCE_TTL has/,
    );
    expect(warnings({ hub: HUB }, { DEFAULT_NAMESPACE: 'a' })[0]).toMatch(/^DEFAULT_NAMESPACE has no effect without/);
    expect(warnings({ hub: { ...HUB, TOKEN_REALM: 'edge' } })[0]).toMatch(/^UPSTREAMS\.hub\.TOKEN_REALM has no effect/);
  });
});
