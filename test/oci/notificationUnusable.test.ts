import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvelope, type Unusable } from '../../src/oci/notification.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const BLOB = 'application/octet-stream';
const NAME = 'team/app';
const event = (action: unknown, target: unknown = { repository: NAME }) => ({ action, target });
const read = (events: readonly unknown[]) => parseEnvelope(JSON.stringify({ events }));

const PUSHED = [{ kind: 'manifest pushed', name: NAME, tag: undefined }];
const UNTAGGED = [{ kind: 'tag deleted', name: NAME, tag: 'v1' }];
const DELETED = [{ kind: 'content deleted', name: NAME, digest: DIGEST }];

/** Valid events about other repositories. */
const GOOD = [
  event('delete', { repository: 'good/one', digest: DIGEST, tag: 'v1' }),
  event('push', { repository: 'good/two', tag: 'latest', mediaType: 'application/x' }),
  event('delete', { repository: 'good/three' }),
];
const GOOD_CHANGES = read(GOOD).changes;

describe('parseEnvelope: a malformed event is counted, spoils no other event, and changes no more than it says', () => {
  const LONG = 'A'.repeat(10_000);
  it.each<[string, unknown, Unusable, unknown[]]>([
    ['an event that is null', null, 'event', []],
    ['an event that is a string', 'delete', 'event', []],
    ['an event that is a number', 1, 'event', []],
    ['an event that is a list', ['delete'], 'action', []],
    ['no action', { target: { repository: NAME } }, 'action', []],
    ['an action that is null', event(null), 'action', []],
    ['an action that is a list', event(['delete']), 'action', []],
    ['no target', { action: 'delete' }, 'target', []],
    ['a target that is null', event('delete', null), 'target', []],
    ['a target that is a string', event('push', NAME), 'target', []],
    ['a target that is a list', event('delete', [NAME]), 'repository', []],
    ['a URL but no repository', event('delete', { url: `https://a.test/v2/${NAME}`, tag: 'v1' }), 'repository', []],
    ['a repository that is null', event('push', { repository: null }), 'repository', []],
    ['an empty repository name', event('delete', { repository: '' }), 'repository', []],
    ['a repository in capitals', event('delete', { repository: 'Team/app', digest: DIGEST }), 'repository', []],
    ['a repository with dot segments', event('delete', { repository: 'team/../app' }), 'repository', []],
    ['a repository of another upstream', event('push', { repository: 'docker.io:443/team/app' }), 'repository', []],
    ['a repository that is too long', event('delete', { repository: 'a'.repeat(256) }), 'repository', []],
    ['a repository that is much too long', event('push', { repository: LONG }), 'repository', []],
    ['a pushed tag with a space', event('push', { repository: NAME, tag: 'a b' }), 'tag', PUSHED],
    ['a pushed tag that is a list', event('push', { repository: NAME, tag: ['a'] }), 'tag', PUSHED],
    ['a deleted tag that is too long', event('delete', { repository: NAME, tag: LONG }), 'tag', []],
    ['a deleted tag that is a number', event('delete', { repository: NAME, tag: 0 }), 'tag', []],
    ['a deleted tag that is false', event('delete', { repository: NAME, tag: false }), 'tag', []],
    ['a deleted tag with a digest', event('delete', { repository: NAME, tag: '-', digest: DIGEST }), 'tag', DELETED],
    ['a short digest', event('delete', { repository: NAME, digest: 'sha256:abcd' }), 'digest', []],
    ['a digest in capitals', event('delete', { repository: NAME, digest: DIGEST.toUpperCase() }), 'digest', []],
    ['a digest that is a number', event('delete', { repository: NAME, digest: 1 }), 'digest', []],
    ['a digest that is an object', event('delete', { repository: NAME, digest: {} }), 'digest', []],
    ['a digest with a tag', event('delete', { repository: NAME, digest: 'latest', tag: 'v1' }), 'digest', UNTAGGED],
  ])('%s', (_what, malformed, why, changes) => {
    expect(read([malformed])).toEqual({ changes, events: 1, unusable: 1, reasons: new Set([why]) });
    for (const events of [
      [malformed, ...GOOD],
      [...GOOD, malformed],
      [GOOD[0], malformed, malformed, GOOD[1], GOOD[2]],
    ]) {
      const envelope = read(events);
      expect(envelope).toMatchObject({ events: events.length, unusable: events.length - GOOD.length });
      expect(envelope.changes).toEqual(expect.arrayContaining([...GOOD_CHANGES]));
      expect(envelope.changes).toHaveLength(GOOD_CHANGES.length + changes.length);
    }
  });

  it.each<[string, unknown, unknown[]]>([
    ['a push with an invalid digest', event('push', { repository: NAME, digest: 1, mediaType: {} }), PUSHED],
    ['a pull with an invalid name', event('pull', { repository: 'Team', digest: 'x' }), []],
    ['a push of a blob with an invalid tag', event('push', { repository: NAME, mediaType: BLOB, tag: 1 }), []],
  ])('%s counts as usable', (_what, usable, changes) => {
    expect(read([usable])).toEqual({ changes, events: 1, unusable: 0, reasons: new Set() });
  });
});

/** Any JSON, and values that are nearly valid. */
const VALUE = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('', null, NAME, 'Team/app', DIGEST, 'sha256:abcd', 'blake3:abcd', 'v1', 'a b', 'push', 'delete'),
);
const FIELDS = ['repository', 'mediaType', 'digest', 'tag', 'url', 'references', '__proto__', 'constructor'] as const;
const MUTATION = fc.record(
  {
    action: VALUE,
    target: VALUE,
    field: fc.constantFrom(...FIELDS),
    value: VALUE,
    without: fc.constantFrom(...FIELDS),
  },
  { requiredKeys: [] },
);

/** Replaces or omits a part of a valid event. */
function mutate(good: ReturnType<typeof event>, mutation: typeof MUTATION extends fc.Arbitrary<infer T> ? T : never) {
  const target: Record<string, unknown> = { ...(good.target as object), repository: NAME };
  if (mutation.field)
    Object.defineProperty(target, mutation.field, { value: mutation.value, enumerable: true, configurable: true });
  if (mutation.without) delete target[mutation.without];
  return {
    action: 'action' in mutation ? mutation.action : good.action,
    target: 'target' in mutation ? mutation.target : target,
  };
}

describe('parseEnvelope: fuzz', () => {
  const mutation = fc.oneof(
    VALUE,
    fc.tuple(fc.constantFrom(...GOOD), MUTATION).map(([good, change]) => mutate(good, change)),
  );

  it('a mutated event never loses a valid one, and is never counted twice', () => {
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 5 }), fc.nat(), (bad, n) => {
        const at = n % (GOOD.length + 1);
        const envelope = read([...GOOD.slice(0, at), ...bad, ...GOOD.slice(at)]);
        expect(envelope.changes).toEqual(expect.arrayContaining([...GOOD_CHANGES]));
        expect(envelope.events).toBe(GOOD.length + bad.length);
        expect(envelope.unusable).toBeLessThanOrEqual(bad.length);
        expect(envelope.reasons.size > 0).toBe(envelope.unusable > 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('a delete that names something never deletes the whole repository', () => {
    const something = VALUE.filter((value) => value !== '' && value !== null);
    fc.assert(
      fc.property(fc.constantFrom('tag', 'digest'), something, (field, value) => {
        const { changes } = read([event('delete', { repository: NAME, [field]: value })]);
        expect(changes.map(({ kind }) => kind)).not.toContain('repository deleted');
      }),
      { numRuns: 1_000 },
    );
  });

  it('accepts any list of events', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (events) => {
        expect(read(events).events).toBe(events.length);
      }),
      { numRuns: 500 },
    );
  });
});
