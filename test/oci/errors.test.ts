import { describe, expect, it } from 'vitest';
import { quoted, RegistryError } from '../../src/oci/errors.ts';

describe('RegistryError', () => {
  it('toBody writes OCI JSON: code, message and detail', () => {
    const error = new RegistryError('DIGEST_INVALID', { detail: { digest: 'x' } });
    expect(error.status).toBe(400);
    expect(JSON.parse(error.toBody())).toEqual({
      errors: [{ code: 'DIGEST_INVALID', message: expect.stringContaining('sha256'), detail: { digest: 'x' } }],
    });
  });

  it('an unreachable origin is a 502 with the code UNAVAILABLE, and its cause is not in the body', () => {
    const error = new RegistryError('ORIGIN_UNREACHABLE', { cause: new Error('https://signed.example/?secret') });
    expect(error.status).toBe(502);
    expect(JSON.parse(error.toBody()).errors[0].code).toBe('UNAVAILABLE');
    expect(error.toBody()).not.toContain('secret');
  });
});

describe('quoted', () => {
  it('shortens a long text only', () => {
    expect(quoted('a'.repeat(1_000))).toHaveLength(301);
    expect(quoted('short')).toBe('short');
  });
});
