import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import type { Blob } from './image.ts';

/** The one name in every layout made here. */
export const LAYOUT_TAG = 'latest';

/**
 * Writes an OCI layout of one image or index.
 * @param root what names all the rest
 * @param files all that lies in it, the root too
 * @returns its folder
 */
export async function writeLayout(root: object, files: readonly Blob[]): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  for (const { digest, bytes } of files) await writeFile(join(folder, 'blobs', ...digest.split(':')), bytes);
  const named = { ...root, annotations: { 'org.opencontainers.image.ref.name': LAYOUT_TAG } };
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return folder;
}
