import { expect } from 'vitest';
import type { Edge } from './edge.ts';

/** `ADMIN_TOKEN` of the edges that operators purge. */
export const ADMIN_TOKEN = 'operators-know-this';
/** The headers of an operator's request. */
export const OPERATOR = { authorization: `Bearer ${ADMIN_TOKEN}` };

/** What a purge reports for a repository of which nothing is cached. */
export const NOTHING_REMOVED = { blobs: 0, manifests: 0, tags: 0 };

/** Sends one purge request. @param target `<name>` or `<name>@<digest>`, with or without a query */
export function purge(edge: Edge, target: string): Promise<Response> {
  return edge.fetch(`/_edge/cache/${target}`, { method: 'DELETE', headers: OPERATOR });
}

/** The answer to one purge request. */
export interface Purged {
  readonly repository: string;
  readonly removed: Record<string, number>;
  readonly cursor?: string;
}

/**
 * Purges a repository until nothing is left.
 * @param cursor where an earlier purge stopped
 * @returns how much was removed in total, and in how many requests
 */
export async function purgeAll(
  edge: Edge,
  name: string,
  cursor?: string,
): Promise<{ removed: Record<string, number>; requests: number }> {
  const removed: Record<string, number> = {};
  let query = queryOf(cursor);
  for (let requests = 1; requests < 100; requests++) {
    const response = await purge(edge, name + query);
    expect(response.status).toBe(200);
    const purged = (await response.json()) as Purged;
    expect(purged.repository).toBe(name);
    for (const [kind, count] of Object.entries(purged.removed)) removed[kind] = (removed[kind] ?? 0) + count;
    if (purged.cursor === undefined) return { removed, requests };
    query = queryOf(purged.cursor);
  }
  throw new Error('the purge does not end');
}

/** Returns the query with which a purge goes on; empty at the beginning. */
export function queryOf(cursor: string | undefined): string {
  return cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
}
