import { describe, expect, it } from 'vitest';
import { BYTE_BACKENDS } from '../../src/assembleBytes.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';

const MIRROR = { ORIGIN_URL: 'https://registry.example.com', BLOBDESCRIPTOR: 'inmemory', CLIENT_AUTH: 'anonymous' };
const ARCHIVE = { ...MIRROR, KEEP_DELETED: 'keep', STALE_IF_ERROR: '365d', BLOB_STORE: 'r2', BLOBS: {} };
const read = (variables: Record<string, unknown>) => parseConfig(variables, BACKENDS, BYTE_BACKENDS);

describe('KEEP_DELETED', () => {
  it('is drop by default, and may be said', () => {
    for (const variables of [MIRROR, { ...MIRROR, KEEP_DELETED: 'drop' }]) {
      const { upstreams, warnings } = read(variables);
      expect([upstreams.map(({ keepsDeleted }) => keepsDeleted), warnings]).toEqual([[false], []]);
    }
  });

  it('keep makes a mirror an archive', () => {
    const { upstreams, warnings } = read(ARCHIVE);
    expect([upstreams.map(({ keepsDeleted }) => keepsDeleted), warnings]).toEqual([[true], []]);
  });

  it.each([
    ['callers of the origin', { CLIENT_AUTH: 'origin' }],
    [
      'a user who may push',
      { CLIENT_AUTH: 'basic', USERS: JSON.stringify({ ci: { secret: '0'.repeat(64), pull: ['**'], push: ['**'] } }) },
    ],
  ])('keep is refused where somebody may push: %s', (_who, variables) => {
    expect(() => read({ ...ARCHIVE, ...variables })).toThrow('KEEP_DELETED: keep requires a mirror');
  });

  it.each(['0', '', undefined])('keep is refused without a time for which to keep: STALE_IF_ERROR=%s', (time) => {
    expect(() => read({ ...ARCHIVE, STALE_IF_ERROR: time })).toThrow('KEEP_DELETED: keep requires STALE_IF_ERROR');
  });

  it('keep has the time of the whole edge, if the upstream has none', () => {
    const hub = { ORIGIN_URL: 'https://hub.example.com', HOSTS: 'hub.edge.example', KEEP_DELETED: 'keep' };
    expect(read({ ...ARCHIVE, KEEP_DELETED: 'drop', UPSTREAMS: { hub } }).upstreams).toHaveLength(2);
    expect(() => read({ ...MIRROR, UPSTREAMS: { hub } })).toThrow('UPSTREAMS.hub.KEEP_DELETED: keep requires STALE');
  });

  it('keep is refused with a store that keeps no tags', () => {
    expect(() => read({ ...ARCHIVE, BLOBDESCRIPTOR: 'kv', DESCRIPTORS: {} })).toThrow(
      'KEEP_DELETED: keep requires a store that keeps tags: BLOBDESCRIPTOR=durable or redis',
    );
  });

  it('keep is refused in a database that the registry clears', () => {
    const redis = { UPSTASH_REDIS_REST_URL: 'https://eu1.upstash.io', UPSTASH_REDIS_REST_TOKEN: 'a-token' };
    const shared = { ...ARCHIVE, ...redis, BLOBDESCRIPTOR: 'redis', REDIS_SHARED: 'true' };
    expect(() => read(shared)).toThrow('KEEP_DELETED: keep requires REDIS_SHARED=false');
    expect(read({ ...shared, REDIS_SHARED: 'false' }).warnings).toEqual([]);
  });

  it('keep is declared by each upstream itself', () => {
    const hub = { ORIGIN_URL: 'https://hub.example.com', HOSTS: 'hub.edge.example' };
    const other = { ORIGIN_URL: 'https://other.example.com', HOSTS: 'other.edge.example', KEEP_DELETED: 'keep' };
    const { upstreams } = read({ ...ARCHIVE, KEEP_DELETED: 'drop', UPSTREAMS: { hub, other } });
    expect(upstreams.map(({ alias, keepsDeleted }) => [alias, keepsDeleted])).toEqual([
      ['', false],
      ['hub', false],
      ['other', true],
    ]);
  });

  it('keep with bytes of pushes alone is warned of', () => {
    expect(read({ ...ARCHIVE, BLOB_FILL: 'both' }).warnings).toEqual([]);
    expect(read({ ...ARCHIVE, BLOB_FILL: 'push' }).warnings).toEqual([
      'KEEP_DELETED=keep keeps no blob that is pulled with BLOB_FILL=push, and nobody pushes there: set it to pull or both',
    ]);
  });

  it('keep without BLOB_STORE is warned of', () => {
    const { warnings } = read({ ...ARCHIVE, BLOB_STORE: '' });
    expect(warnings).toEqual([
      'KEEP_DELETED=keep keeps manifests alone without BLOB_STORE: set it, so that blobs are kept, too',
    ]);
  });
});
