import type { Digest } from '../oci/digest.ts';

/** The positions of the first and the last byte of a part, both from 0 (RFC 9110 §14.1.2). */
export interface Part {
  readonly first: number;
  readonly last: number;
}

/**
 * What a request asks for of a blob whose size is not known yet. `other`: several parts, another unit, or a form that
 * servers read in different ways, so that only the origin can answer as the origin would.
 */
export type AskedRange =
  | { readonly kind: 'whole' }
  | { readonly kind: 'from'; readonly first: number; readonly last: number }
  | { readonly kind: 'suffix'; readonly length: number }
  | { readonly kind: 'other' };

const WHOLE = { kind: 'whole' } as const;
const OTHER = { kind: 'other' } as const;
const FROM = /^bytes=([0-9]{1,16})-([0-9]{0,16})$/;
const SUFFIX = /^bytes=-([0-9]{1,16})$/;

/**
 * Reads what a GET of a blob asks for. This is the only place that decides it, whoever has the bytes. A `Range` counts
 * unless an If-Range does not hold.
 */
export function rangeAsked(headers: Headers, digest: Digest): AskedRange {
  const range = headers.get('range');
  if (range === null || !ifRangeHolds(headers, digest)) return WHOLE;
  const [isFrom, first, last] = FROM.exec(range) ?? [];
  if (isFrom) {
    const from = { first: Number(first), last: last ? Number(last) : Number.POSITIVE_INFINITY };
    return from.last < from.first ? OTHER : { kind: 'from', ...from };
  }
  const length = Number(SUFFIX.exec(range)?.[1] ?? 0);
  return length > 0 ? { kind: 'suffix', length } : OTHER;
}

/**
 * Whether a range may be answered with a part (RFC 9110 §13.1.5). An If-Range with the digest always holds and any other
 * never does, whatever validators the origin uses.
 */
export function ifRangeHolds(headers: Headers, digest: Digest): boolean {
  const validator = headers.get('if-range');
  return validator === null || validator === `"${digest}"` || validator === digest;
}

/**
 * Returns which part of content is asked for.
 * @param size of the whole content in bytes, above 0
 * @returns `undefined`: the whole content; `unsatisfiable`: the range begins past its end, which is a 416
 */
export function partOf(
  asked: Exclude<AskedRange, { kind: 'other' }>,
  size: number,
): Part | 'unsatisfiable' | undefined {
  if (asked.kind === 'whole') return undefined;
  const end = size - 1;
  if (asked.kind === 'suffix') return { first: Math.max(0, size - asked.length), last: end };
  return asked.first > end ? 'unsatisfiable' : { first: asked.first, last: Math.min(asked.last, end) };
}

/** Returns how many bytes a part has. */
export function lengthOf({ first, last }: Part): number {
  return last - first + 1;
}
