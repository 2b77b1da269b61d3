import { join } from 'node:path';
import type { Registry } from './registry.ts';
import { treeOf } from './tree.ts';

/** What a registry stores, by path; its upload sessions lie in the repositories and are no content. */
export async function storedBy({ root }: Registry): Promise<Record<string, string>> {
  const files = await treeOf(join(root, 'docker', 'registry', 'v2'));
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes('/_uploads/')));
}
