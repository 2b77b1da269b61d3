import { type Entry, parseMethod } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Terms } from './rpc.ts';

/** A row of `entries`. An alias names its canonical digest, and any other entry itself; a mere tombstone names none. */
export interface Row extends Record<string, SqlStorageValue> {
  digest: string;
  canonical: string | null;
  size: number | null;
  mediatype: string | null;
  witness: string | null;
  verified: number | null;
  open: number | null;
  cleared: number;
}

/** When the origin confirmed an entry: to a caller, or to everybody. */
export type Confirmations = 'verified' | 'open';

export const COLUMNS = 'digest, canonical, size, mediatype, witness, verified, open, cleared';

/** Returns the column of what an edge confirms that asks as `askedAs`. */
export function columnOf(askedAs: Terms['askedAs']): Confirmations {
  return askedAs === 'nobody' ? 'open' : 'verified';
}

/** Returns when the origin confirmed an entry last, to whomever (epoch ms); 0: never. */
export function lastConfirmed({ verified, open }: Pick<Row, Confirmations>): number {
  return Math.max(verified ?? 0, open ?? 0);
}

/** Returns the entry of a row; one that was confirmed only to others counts as never confirmed. */
export function entryOf(row: Row, askedAs: Terms['askedAs']): Entry | undefined {
  const { canonical, size, mediatype } = row;
  if (canonical === null || size === null || mediatype === null) return undefined;
  const witness = parseMethod(row.witness);
  const descriptor = { digest: canonical as Digest, size, mediaType: mediatype };
  return { descriptor, verifiedAt: row[columnOf(askedAs)] ?? 0, ...(witness && { witness }) };
}
