import { expect } from 'vitest';
import { cacheStatusOf, type Edge } from './edge.ts';
import { manifestRequest } from './pushManifest.ts';

/** Whether the edge answers the next request for content without the origin. */
export async function isHit(edge: Edge, path: string, method: 'GET' | 'HEAD' = 'HEAD'): Promise<boolean> {
  return cacheStatusOf(await edge.fetch(path, manifestRequest(method)))?.includes('registry-edge; hit') ?? false;
}

/** Makes the edge cache what is at each path. */
export async function warm(edge: Edge, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await edge.fetch(path, manifestRequest('HEAD'));
    expect([path, await isHit(edge, path)]).toEqual([path, true]);
  }
}
