import { join } from 'node:path';
import type { Registry } from './registry.ts';
import { treeOf } from './tree.ts';

/** The file in which a registry keeps the bytes of a blob or manifest, of whatever repository. */
export function fileOf({ root }: Registry, digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return join(root, 'docker/registry/v2/blobs', algorithm, hex.slice(0, 2), hex, 'data');
}

/** What a registry stores, by path; its upload sessions lie in the repositories and are no content. */
export async function storedBy({ root }: Registry): Promise<Record<string, string>> {
  const files = await treeOf(join(root, 'docker', 'registry', 'v2'));
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes('/_uploads/')));
}
