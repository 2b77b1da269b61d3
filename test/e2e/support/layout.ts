import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import type { Blob } from './image.ts';

/** The only tag in each layout. */
export const LAYOUT_TAG = 'latest';

/**
 * Writes an OCI layout of one image or index.
 * @param root the descriptor of the manifest that names all the rest
 * @param files every manifest and blob, including the root's manifest
 * @returns the folder
 */
export async function writeLayout(root: object, files: readonly Blob[]): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  for (const { digest, bytes } of files) await writeFile(join(folder, 'blobs', ...digest.split(':')), bytes);
  const tagged = { ...root, annotations: { 'org.opencontainers.image.ref.name': LAYOUT_TAG } };
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [tagged] }));
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return folder;
}
