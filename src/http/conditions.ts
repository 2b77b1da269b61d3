import type { Digest } from '../oci/digest.ts';

/** Whether an If-None-Match (RFC 9110 §13.1.2) names this digest; registry clients send it quoted or bare. */
export function namesDigest(condition: string | null, digest: Digest): boolean {
  if (!condition) return false;
  if (condition.trim() === '*') return true;
  return condition.split(',').some(
    (tag) =>
      tag
        .trim()
        .replace(/^W\//, '')
        .replace(/^"(.*)"$/, '$1') === digest,
  );
}
