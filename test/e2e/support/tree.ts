import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Image } from './image.ts';

/** Hashes every file below a folder: its sha256 by its path. */
export async function treeOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hashed = paths.map(async (path) => [relative(folder, path), sha256(await readFile(path))] as const);
  return Object.fromEntries((await Promise.all(hashed)).sort());
}

/** Hashes what a client pulled, without the `index.json` of an OCI layout, whose order varies. */
export async function pulledTree(folder: string): Promise<Record<string, string>> {
  const { 'index.json': _list, ...pulled } = await treeOf(folder);
  return pulled;
}

/** The hashes that skopeo's `dir:` layout of an image has to have. */
export function pulledTreeOf({ manifest, config, layers }: Image): Record<string, string> {
  const blobs = [config, ...layers].map(
    ({ digest, bytes }) => [digest.slice('sha256:'.length), sha256(bytes)] as const,
  );
  return Object.fromEntries([...blobs, ['manifest.json', sha256(manifest.bytes)] as const]);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
