import { describe, expect, it } from 'vitest';
import { BYTE_BACKENDS } from '../../src/assembleBytes.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';

const MINIMAL = { ORIGIN_URL: 'https://registry.example.com', BLOBDESCRIPTOR: 'inmemory' };
const WITH_BUCKET = { ...MINIMAL, BLOB_STORE: 'r2', BLOBS: {} };
const read = (variables: Record<string, unknown>) => parseConfig(variables, BACKENDS, BYTE_BACKENDS);

describe('BLOB_STORE', () => {
  it('is off by default', () => {
    expect([read(MINIMAL).bytes, read(MINIMAL).warnings]).toEqual([undefined, []]);
  });

  it('r2 keeps blobs of at most 5 GiB in the bucket that is bound as BLOBS', () => {
    const { bytes, warnings } = read(WITH_BUCKET);
    expect(bytes).toMatchObject({ store: { name: 'r2' }, maxBytes: 5 * 1024 ** 3 });
    expect(warnings).toEqual([]);
    expect(read({ ...WITH_BUCKET, BLOB_MAX_BYTES: '512MiB' }).bytes).toMatchObject({ maxBytes: 512 * 1024 ** 2 });
  });

  it.each([
    [
      'r2 without a bucket',
      { ...MINIMAL, BLOB_STORE: 'r2' },
      'BLOBS: expected an R2 bucket that is bound under this name',
    ],
    ['another store', { ...WITH_BUCKET, BLOB_STORE: 's3' }, 'BLOB_STORE: expected r2, or none'],
    ['too small a bound', { ...WITH_BUCKET, BLOB_MAX_BYTES: '1KiB' }, 'BLOB_MAX_BYTES: expected a size from 1MiB'],
  ])('%s stops the start with what is expected', (_what, variables, message) => {
    expect(() => read(variables)).toThrow(message);
  });

  it('is missed by BLOB_MAX_BYTES, which has no effect alone', () => {
    const { warnings } = read({ ...MINIMAL, BLOB_MAX_BYTES: '1GiB' });
    expect(warnings).toEqual(['BLOB_MAX_BYTES has no effect without BLOB_STORE: set it, or remove this one']);
  });
});
