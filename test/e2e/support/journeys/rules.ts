import type { Access } from './sides.ts';
import type { Cell } from './travel.ts';

/**
 * How many requests the origin would get of this journey without the edge. A client that asks for several blobs at once
 * and has no token yet gets a 401 for as many of them as it happens to ask for before it has one.
 */
export function requestsWithoutEdge({ direct, refused, through }: Cell): number {
  return direct.length + Math.max(0, through.refused - refused);
}

/**
 * Whether the origin gets more than without the edge, the questions of the edge's own included. The edge adds questions
 * only by the check of a manifest: for each digest one, if it was confirmed longer than `PUSH_EXISTENCE_TTL` ago, and
 * one by which a token that is new to it proves its access.
 */
export function asksMore(cell: Cell, access: Access): boolean {
  const { forwarded, own } = cell.through;
  const added = cell.isLate || access === 'fresh token, not verified' ? new Set(own).size : 0;
  return forwarded + own.length > requestsWithoutEdge(cell) + added;
}

/**
 * A question that the edge may ask by itself: whether something with this digest exists, or where a tag leads that was
 * just pushed, in place of the client's GET.
 */
export const EXISTENCE = /^HEAD \/v2\/.+\/(?:blobs\/sha256:[0-9a-f]{64}|manifests\/[^/]+)$/;
