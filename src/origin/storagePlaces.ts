import { lru } from 'tiny-lru';
import type { Digest } from '../oci/digest.ts';

/**
 * Where the origin keeps its blobs: a host, and the form of its paths. A host alone would not do, since one host may
 * serve the buckets of strangers, or a page for signing in besides the blobs. No query is kept, which holds a
 * signature.
 */
export interface StoragePlace {
  readonly host: string;
  readonly key: string;
}

/** The places where this isolate has seen the origin's storage give content that matches its digest. */
export interface StoragePlaces {
  isProven(place: StoragePlace, nowMs: number): boolean;
  /**
   * Reserves an examination of a place: at most one of a host at a time. Its host then rests until `note` is called
   * with success, or for some minutes, so that an examination that the platform ends early is one that failed.
   * @returns false where the host rests, or there were too many examinations within the hour
   */
  reserve(place: StoragePlace, nowMs: number): boolean;
  /** Remembers that an examination has proved the place. */
  note(place: StoragePlace, nowMs: number): void;
}

/** The origin names the places, so few are expected; an origin that names a new one each time fills no memory. */
const MAX_PLACES = 100;
const MAX_PLACE_MS = 24 * 3_600_000;
const REST_MS = 300_000;
/** How many places an isolate examines within an hour. */
const MAX_EXAMINATIONS = 32;
const HOUR_MS = 3_600_000;

export function createStoragePlaces(): StoragePlaces {
  const provenUntil = lru<number>(MAX_PLACES);
  const restsUntil = lru<number>(MAX_PLACES);
  let hour = { since: 0, examinations: 0 };
  return {
    isProven: ({ key }, nowMs) => (provenUntil.get(key) ?? 0) > nowMs,
    reserve({ host }, nowMs) {
      if ((restsUntil.get(host) ?? 0) > nowMs) return false;
      if (nowMs - hour.since >= HOUR_MS) hour = { since: nowMs, examinations: 0 };
      if (hour.examinations >= MAX_EXAMINATIONS) return false;
      hour.examinations += 1;
      restsUntil.set(host, nowMs + REST_MS);
      return true;
    },
    note({ host, key }, nowMs) {
      provenUntil.set(key, nowMs + MAX_PLACE_MS);
      restsUntil.delete(host);
    },
  };
}

/**
 * Returns the place of a blob that is stored at a URL. Where the path names the digest (distribution, GHCR, Quay), only
 * that differs between the blobs of a place: `/bucket/blobs/sha256:*`. Where it does not (ECR, Artifactory), the place
 * is the first part of the path, which is the bucket on hosts that many share.
 */
export function placeOf(url: URL, digest: Digest): StoragePlace {
  const hex = digest.slice(digest.indexOf(':') + 1);
  const parts = url.pathname.split('/').slice(1);
  const form = url.pathname.includes(hex) ? formOf(parts, hex) : `${parts[0]}/`;
  return { host: url.host, key: `${url.origin}/${form}` };
}

/** Replaces the digest in a path, and the parts that repeat the beginning of it (`/ab/cd/abcd…`). */
function formOf(parts: readonly string[], hex: string): string {
  let at = 0;
  return parts
    .map((part) => {
      if (part.includes(hex)) return part.replace(hex, '*');
      if (part.length < 2 || !hex.startsWith(part, at)) return part;
      at += part.length;
      return '*';
    })
    .join('/');
}
