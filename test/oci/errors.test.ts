import { describe, expect, it } from 'vitest';
import { quoted, RegistryError } from '../../src/oci/errors.ts';

describe('RegistryError', () => {
  it('writes OCI JSON: code, message and detail', () => {
    const error = new RegistryError('DIGEST_INVALID', { detail: { digest: 'x' } });
    expect(error.status).toBe(400);
    expect(JSON.parse(error.toBody())).toEqual({
      errors: [{ code: 'DIGEST_INVALID', message: expect.stringContaining('sha256'), detail: { digest: 'x' } }],
    });
  });

  it('says UNAVAILABLE with a 502 for an origin out of reach, and nothing of the cause', () => {
    const error = new RegistryError('ORIGIN_UNREACHABLE', { cause: new Error('https://signed.example/?secret') });
    expect(error.status).toBe(502);
    expect(JSON.parse(error.toBody()).errors[0].code).toBe('UNAVAILABLE');
    expect(error.toBody()).not.toContain('secret');
  });
});

describe('quoted', () => {
  it('shortens what is long', () => {
    expect(quoted('a'.repeat(1_000))).toHaveLength(301);
    expect(quoted('short')).toBe('short');
  });
});
