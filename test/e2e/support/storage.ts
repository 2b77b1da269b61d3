import { join } from 'node:path';
import type { Registry } from './registry.ts';
import { treeOf } from './tree.ts';

/** The file in which a registry stores the bytes of a blob or manifest, for all repositories. */
export function fileOf({ root }: Registry, digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return join(root, 'docker/registry/v2/blobs', algorithm, hex.slice(0, 2), hex, 'data');
}

/** The digests of all files that a registry stores, by path, without those of upload sessions. */
export async function storedBy({ root }: Registry): Promise<Record<string, string>> {
  const files = await treeOf(join(root, 'docker', 'registry', 'v2'));
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes('/_uploads/')));
}
