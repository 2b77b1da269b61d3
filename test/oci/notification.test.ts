import { describe, expect, it } from 'vitest';
import type { RegistryError } from '../../src/oci/errors.ts';
import { parseEnvelope } from '../../src/oci/notification.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const SHA512 = `sha512:${'0123456789abcdef'.repeat(8)}`;
const BLOB = 'application/octet-stream';
const OCI = 'application/vnd.oci.image.manifest.v1+json';
const NAME = 'team/app';

/** An event with as few fields as allowed. */
const event = (action: unknown, target: unknown = { repository: NAME }) => ({ action, target });
const read = (...events: unknown[]) => parseEnvelope(JSON.stringify({ events }));
const changesOf = (...events: unknown[]) => read(...events).changes;
const push = (target: object) => changesOf(event('push', { repository: NAME, ...target }));
const remove = (target: object) => changesOf(event('delete', { repository: NAME, ...target }));

const pushed = (tag?: string, digest?: string) => [{ kind: 'manifest pushed', name: NAME, tag, digest }];
const untagged = (tag: string) => ({ kind: 'tag deleted', name: NAME, tag });
const deleted = (digest: string) => ({ kind: 'content deleted', name: NAME, digest });
const REPOSITORY_DELETED = [{ kind: 'repository deleted', name: NAME }];

/** The other fields of an event of a registry. */
const OTHER_FIELDS = {
  id: '01a200d0-d9aa-74d2-aa5c-2bd583132b11',
  timestamp: '2026-11-22T01:13:36.938318379Z',
  request: { id: '01a2', addr: '127.0.0.1:52928', host: '127.0.0.1:5000', method: 'DELETE', useragent: 'crane/0.21.9' },
  actor: {},
  source: { addr: 'vm:5000', instanceID: '01a200d0-d33f-7712-9eda-434367a206af' },
};
/** The target of a push, mount or pull, as registries write it. */
const targetIn = (kind: 'blobs' | 'manifests', more: object = {}) => ({
  ...{ mediaType: kind === 'blobs' ? BLOB : OCI, digest: DIGEST, size: 246, length: 246, repository: NAME },
  ...{ url: `http://127.0.0.1:5000/v2/${NAME}/${kind}/${DIGEST}`, ...more },
});

describe('parseEnvelope: a push', () => {
  it.each<[string, object, unknown[]]>([
    ['of a manifest, tagged', targetIn('manifests', { tag: 'v1.0' }), pushed('v1.0', DIGEST)],
    ['of a manifest by its digest', targetIn('manifests'), pushed()],
    ['of a manifest of another algorithm', targetIn('manifests', { digest: 'blake3:abcd', tag: 'v1' }), pushed('v1')],
    ['of a manifest, with what it names', targetIn('manifests', { references: [{ mediaType: BLOB }] }), pushed()],
    ['of a manifest of an unknown type', targetIn('manifests', { mediaType: 'application/x' }), pushed()],
    ['of a target without a media type', { digest: DIGEST, tag: 'v1' }, pushed('v1', DIGEST)],
    ['of a blob', targetIn('blobs'), []],
    ['of a blob of another algorithm', targetIn('blobs', { digest: 'sha999:abcd' }), []],
  ])('%s', (_what, target, expected) => {
    expect(push(target)).toEqual(expected);
  });
});

describe('parseEnvelope: a delete', () => {
  it.each<[string, object, unknown[]]>([
    ['by digest', { digest: DIGEST }, [deleted(DIGEST)]],
    ['by another digest', { digest: SHA512 }, [deleted(SHA512)]],
    ['by a digest that the edge cannot verify', { digest: 'sha999:abcd' }, []],
    ['of a tag', { tag: 'latest' }, [untagged('latest')]],
    [
      'of a tag, with the empty fields that Go writes',
      { mediaType: '', digest: '', size: 0, tag: 'latest' },
      [untagged('latest')],
    ],
    ['by digest and tag', { digest: DIGEST, tag: 'latest' }, [untagged('latest'), deleted(DIGEST)]],
    ['of a tag, with a digest that the edge cannot verify', { digest: 'sha999:abcd', tag: 'a' }, [untagged('a')]],
    ['of a repository', {}, REPOSITORY_DELETED],
    ['of a repository, with empty fields', { mediaType: '', digest: '', size: 0, tag: '' }, REPOSITORY_DELETED],
    ['of a repository, with null fields', { mediaType: null, digest: null, tag: null }, REPOSITORY_DELETED],
    ['of a target with the media type of blobs', { mediaType: BLOB, digest: DIGEST }, [deleted(DIGEST)]],
  ])('%s', (_what, target, expected) => {
    expect(remove(target)).toEqual(expected);
  });
});

describe('parseEnvelope: events that change nothing', () => {
  it.each<[string, unknown]>([
    ['a pull of a blob', event('pull', targetIn('blobs'))],
    ['a pull of a manifest', event('pull', targetIn('manifests', { tag: 'v1' }))],
    ['a HEAD', { ...event('pull', targetIn('manifests')), request: { method: 'HEAD' } }],
    ['a mount', event('mount', targetIn('blobs', { fromRepository: 'team/other' }))],
    ['an unknown action', event('quarantine', targetIn('manifests'))],
    ['an action in capitals', event('DELETE', { repository: NAME })],
    ['an empty action', event('')],
    ['a pull in a repository with an invalid name', event('pull', { repository: 'Team', digest: 'x', tag: '-' })],
    ['a pull without a target', { action: 'pull' }],
    ['a pull with a null target', event('pull', null)],
  ])('%s', (_what, harmless) => {
    expect(changesOf(harmless, event('delete'), harmless)).toEqual(REPOSITORY_DELETED);
    expect(read(harmless)).toMatchObject({ changes: [], events: 1, unusable: 0 });
  });

  it.each(['[]', 'null'])('an envelope without events: %s', (events) => {
    expect(parseEnvelope(`{"events":${events}}`)).toMatchObject({ changes: [], events: 0, unusable: 0 });
  });
});

describe('parseEnvelope: an envelope', () => {
  it.each<[string, object, unknown[]]>([
    // 2.8 omits empty fields, and 3.1 writes them.
    ['2.8: a push', { action: 'push', target: targetIn('manifests', { tag: 'latest' }) }, pushed('latest', DIGEST)],
    ['2.8: a delete', { action: 'delete', target: { digest: DIGEST, repository: NAME } }, [deleted(DIGEST)]],
    ['2.8: a delete of a tag', { action: 'delete', target: { repository: NAME, tag: 'v1' } }, [untagged('v1')]],
    [
      '3.1: a delete',
      { action: 'delete', target: { mediaType: '', digest: DIGEST, size: 0, repository: NAME } },
      [deleted(DIGEST)],
    ],
    [
      '3.1: a delete of a tag',
      { action: 'delete', target: { mediaType: '', digest: '', size: 0, repository: NAME, tag: 'v1' } },
      [untagged('v1')],
    ],
  ])('of distribution %s', (_what, fields, expected) => {
    expect(
      parseEnvelope(JSON.stringify({ events: [{ ...OTHER_FIELDS, ...fields }] }, undefined, '   ')).changes,
    ).toEqual(expected);
  });

  it('may have unknown fields anywhere', () => {
    const target = { repository: NAME, tag: 'a', annotations: { a: [1] }, size: 'large', constructor: null };
    const text = JSON.stringify({ version: 3, events: [{ ...event('delete', target), extra: [null] }], more: {} });
    expect(parseEnvelope(text)).toMatchObject({ changes: [untagged('a')], unusable: 0 });
  });

  it('reports the changes in all repositories in their order, each once', () => {
    const changes = changesOf(
      event('delete', { repository: 'b', digest: DIGEST }),
      event('push', { repository: 'a', mediaType: OCI, digest: DIGEST, tag: 'a' }),
      event('delete', { repository: 'b', digest: DIGEST }),
      event('delete', { repository: 'b', tag: 'a', digest: DIGEST }),
    );
    expect(changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'content deleted b',
      'manifest pushed a',
      'tag deleted b',
    ]);
  });

  it.each([100, 101, 5_000])('of %i events is used completely', (count) => {
    const events = Array.from({ length: count }, (_, n) => event('delete', { repository: NAME, tag: `v${n}` }));
    expect(changesOf(...events)).toEqual(events.map((_, n) => untagged(`v${n}`)));
  });
});

describe('parseEnvelope: a text that is not an envelope', () => {
  /** Returns the error, which has to blame the sender. */
  function refusal(text: string): RegistryError {
    try {
      parseEnvelope(text);
    } catch (error) {
      expect(error).toMatchObject({ name: 'RegistryError', status: 400, code: 'REQUEST_INVALID' });
      return error as RegistryError;
    }
    throw new Error('the text was accepted');
  }

  it.each(['', '{', '{"events":[]', 'events', '\u0000', '{"events":[]}{}'])(
    'is refused if it is not JSON: %j',
    (text) => {
      expect(refusal(text).message).toContain('expected JSON');
    },
  );

  it.each(['null', '[]', '[{"action":"delete"}]', '"events"', '1', 'true', '{}', '{"Events":[]}', '{"event":{}}'])(
    'is refused if it has no events: %s',
    (text) => {
      expect(refusal(text).message).toContain('expected {"events": [...]}');
    },
  );

  it.each(['{}', '{"action":"delete"}', '"delete"', '1', 'false', '""'])(
    'is refused if its events are not a list: %s',
    (events) => {
      expect(refusal(`{"events":${events}}`).message).toContain('expected a list');
    },
  );

  it('is not repeated in the error', () => {
    expect(refusal(JSON.stringify('A'.repeat(10_000))).toBody()).not.toContain('AAA');
  });
});
