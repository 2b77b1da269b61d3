import { expect } from 'vitest';
import type { Edge } from './edge.ts';

/** `ADMIN_TOKEN` of the edges that operators purge. */
export const ADMIN_TOKEN = 'operators-know-this';
const BEARER = { authorization: `Bearer ${ADMIN_TOKEN}` };

/** What a purge removed of a repository that has nothing, or nothing any more. */
export const NOTHING = { blobs: 0, manifests: 0, tags: 0 };

/** Asks for a purge. @param what `<name>` or `<name>@<digest>`, with a query perhaps */
export function purge(edge: Edge, what: string): Promise<Response> {
  return edge.fetch(`/_edge/cache/${what}`, { method: 'DELETE', headers: BEARER });
}

interface Told {
  readonly repository: string;
  readonly removed: Record<string, number>;
  readonly cursor?: string;
}

/**
 * Purges a repository until nothing is left.
 * @param cursor where a purge before this one stopped
 * @returns what was removed in all, and in how many requests
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
    const told = (await response.json()) as Told;
    expect(told.repository).toBe(name);
    for (const [step, count] of Object.entries(told.removed)) removed[step] = (removed[step] ?? 0) + count;
    if (told.cursor === undefined) return { removed, requests };
    query = queryOf(told.cursor);
  }
  throw new Error('there is no end to it');
}

function queryOf(cursor: string | undefined): string {
  return cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
}
