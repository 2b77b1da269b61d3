import { describe, expect, it } from 'vitest';
import type { RegistryError } from '../../src/oci/errors.ts';
import { parseEnvelope } from '../../src/oci/notification.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const SHA512 = `sha512:${'0123456789abcdef'.repeat(8)}`;
const BLOB = 'application/octet-stream';
const OCI = 'application/vnd.oci.image.manifest.v1+json';
const NAME = 'team/app';

/** An event as sparse as one may be. */
const event = (action: unknown, target: unknown = { repository: NAME }) => ({ action, target });
const read = (...events: unknown[]) => parseEnvelope(JSON.stringify({ events }));
const changesOf = (...events: unknown[]) => read(...events).changes;
const push = (target: object) => changesOf(event('push', { repository: NAME, ...target }));
const remove = (target: object) => changesOf(event('delete', { repository: NAME, ...target }));

const pushed = (tag?: string, digest?: string) => [{ kind: 'manifest pushed', name: NAME, tag, digest }];
const untagged = (tag: string) => ({ kind: 'tag deleted', name: NAME, tag });
const deleted = (digest: string) => ({ kind: 'content deleted', name: NAME, digest });
const REPOSITORY_DELETED = [{ kind: 'repository deleted', name: NAME }];

/** All that a registry says around the target. */
const AROUND = {
  id: '01a200d0-d9aa-74d2-aa5c-2bd583132b11',
  timestamp: '2026-11-22T01:13:36.938318379Z',
  request: { id: '01a2', addr: '127.0.0.1:52928', host: '127.0.0.1:5000', method: 'DELETE', useragent: 'crane/0.21.9' },
  actor: {},
  source: { addr: 'vm:5000', instanceID: '01a200d0-d33f-7712-9eda-434367a206af' },
};
/** What was pushed, mounted or pulled, as registries tell it. */
const told = (kind: 'blobs' | 'manifests', more: object = {}) => ({
  ...{ mediaType: kind === 'blobs' ? BLOB : OCI, digest: DIGEST, size: 246, length: 246, repository: NAME },
  ...{ url: `http://127.0.0.1:5000/v2/${NAME}/${kind}/${DIGEST}`, ...more },
});

describe('parseEnvelope: a push', () => {
  it.each<[string, object, unknown[]]>([
    ['of a manifest, tagged', told('manifests', { tag: 'v1.0' }), pushed('v1.0', DIGEST)],
    ['of a manifest by its digest', told('manifests'), pushed()],
    ['of a manifest of another algorithm', told('manifests', { digest: 'blake3:abcd', tag: 'v1' }), pushed('v1')],
    ['of a manifest, with what it names', told('manifests', { references: [{ mediaType: BLOB }] }), pushed()],
    ['of a manifest of no known type', told('manifests', { mediaType: 'application/x' }), pushed()],
    ['of what has no media type', { digest: DIGEST, tag: 'v1' }, pushed('v1', DIGEST)],
    ['of a blob', told('blobs'), []],
    ['of a blob of another algorithm', told('blobs', { digest: 'sha999:abcd' }), []],
  ])('%s', (_what, target, expected) => {
    expect(push(target)).toEqual(expected);
  });
});

describe('parseEnvelope: a delete', () => {
  it.each<[string, object, unknown[]]>([
    ['by digest', { digest: DIGEST }, [deleted(DIGEST)]],
    ['by another digest', { digest: SHA512 }, [deleted(SHA512)]],
    ['by a digest that no cache can check', { digest: 'sha999:abcd' }, []],
    ['of a tag', { tag: 'latest' }, [untagged('latest')]],
    ['of a tag with all that Go writes', { mediaType: '', digest: '', size: 0, tag: 'latest' }, [untagged('latest')]],
    ['by digest and tag', { digest: DIGEST, tag: 'latest' }, [untagged('latest'), deleted(DIGEST)]],
    ['of a tag with a digest that no cache can check', { digest: 'sha999:abcd', tag: 'a' }, [untagged('a')]],
    ['of a repository', {}, REPOSITORY_DELETED],
    ['of a repository, empty', { mediaType: '', digest: '', size: 0, tag: '' }, REPOSITORY_DELETED],
    ['of a repository, null', { mediaType: null, digest: null, tag: null }, REPOSITORY_DELETED],
    ['of what is called a blob', { mediaType: BLOB, digest: DIGEST }, [deleted(DIGEST)]],
  ])('%s', (_what, target, expected) => {
    expect(remove(target)).toEqual(expected);
  });
});

describe('parseEnvelope: what changes nothing', () => {
  it.each<[string, unknown]>([
    ['a pull of a blob', event('pull', told('blobs'))],
    ['a pull of a manifest', event('pull', told('manifests', { tag: 'v1' }))],
    ['a HEAD', { ...event('pull', told('manifests')), request: { method: 'HEAD' } }],
    ['a mount', event('mount', told('blobs', { fromRepository: 'team/other' }))],
    ['an action that nobody knows', event('quarantine', told('manifests'))],
    ['an action in capitals', event('DELETE', { repository: NAME })],
    ['one of no word', event('')],
    ['one of a name that is not valid', event('pull', { repository: 'Team', digest: 'x', tag: '-' })],
    ['one with nothing else', { action: 'pull' }],
    ['one of nothing', event('pull', null)],
  ])('%s', (_what, one) => {
    expect(changesOf(one, event('delete'), one)).toEqual(REPOSITORY_DELETED);
    expect(read(one)).toMatchObject({ changes: [], events: 1, unusable: 0 });
  });

  it.each(['[]', 'null'])('an envelope without events: %s', (events) => {
    expect(parseEnvelope(`{"events":${events}}`)).toMatchObject({ changes: [], events: 0, unusable: 0 });
  });
});

describe('parseEnvelope: an envelope', () => {
  it.each<[string, object, unknown[]]>([
    // 2.8 leaves out what is empty, and 3.1 writes it.
    ['2.8: a push', { action: 'push', target: told('manifests', { tag: 'latest' }) }, pushed('latest', DIGEST)],
    ['2.8: a delete', { action: 'delete', target: { digest: DIGEST, repository: NAME } }, [deleted(DIGEST)]],
    ['2.8: of a tag', { action: 'delete', target: { repository: NAME, tag: 'v1' } }, [untagged('v1')]],
    [
      '3.1: a delete',
      { action: 'delete', target: { mediaType: '', digest: DIGEST, size: 0, repository: NAME } },
      [deleted(DIGEST)],
    ],
    [
      '3.1: of a tag',
      { action: 'delete', target: { mediaType: '', digest: '', size: 0, repository: NAME, tag: 'v1' } },
      [untagged('v1')],
    ],
  ])('of distribution %s', (_what, one, expected) => {
    expect(parseEnvelope(JSON.stringify({ events: [{ ...AROUND, ...one }] }, undefined, '   ')).changes).toEqual(
      expected,
    );
  });

  it('may hold what nobody knows yet, anywhere', () => {
    const target = { repository: NAME, tag: 'a', annotations: { a: [1] }, size: 'large', constructor: null };
    const text = JSON.stringify({ version: 3, events: [{ ...event('delete', target), extra: [null] }], more: {} });
    expect(parseEnvelope(text)).toMatchObject({ changes: [untagged('a')], unusable: 0 });
  });

  it('tells what changed in its order, of all repositories, and each but once', () => {
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

  it.each([100, 101, 5_000])('of %i events is taken as a whole', (many) => {
    const events = Array.from({ length: many }, (_, n) => event('delete', { repository: NAME, tag: `v${n}` }));
    expect(changesOf(...events)).toEqual(events.map((_, n) => untagged(`v${n}`)));
  });
});

describe('parseEnvelope: no envelope at all', () => {
  /** @returns what is thrown, which must say that the sender is wrong */
  function refusal(text: string): RegistryError {
    try {
      parseEnvelope(text);
    } catch (error) {
      expect(error).toMatchObject({ name: 'RegistryError', status: 400, code: 'REQUEST_INVALID' });
      return error as RegistryError;
    }
    throw new Error('it was taken');
  }

  it.each(['', '{', '{"events":[]', 'events', '\u0000', '{"events":[]}{}'])('not JSON: %j', (text) => {
    expect(refusal(text).message).toContain('expected JSON');
  });

  it.each(['null', '[]', '[{"action":"delete"}]', '"events"', '1', 'true', '{}', '{"Events":[]}', '{"event":{}}'])(
    'JSON without events: %s',
    (text) => {
      expect(refusal(text).message).toContain('expected {"events": [...]}');
    },
  );

  it.each(['{}', '{"action":"delete"}', '"delete"', '1', 'false', '""'])('events that are no list: %s', (events) => {
    expect(refusal(`{"events":${events}}`).message).toContain('expected a list');
  });

  it('repeats nothing of it', () => {
    expect(refusal(JSON.stringify('A'.repeat(10_000))).toBody()).not.toContain('AAA');
  });
});
