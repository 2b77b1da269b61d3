import { join } from 'node:path';
import { temporaryFolder } from '../cleanup.ts';
import { runClient } from '../command.ts';
import type { Image } from '../image.ts';
import { LAYOUT_TAG } from '../layout.ts';
import { succeeded } from './client.ts';

/**
 * Writes an image to a single file.
 * @param kind `oci` is what containerd imports, `docker` what docker loads
 * @returns the path of the file
 */
export async function archiveOf({ source }: Image, kind: 'oci' | 'docker'): Promise<string> {
  const path = join(await temporaryFolder(), 'image.tar');
  const args = ['--insecure-policy', 'copy', source, `${kind}-archive:${path}:${LAYOUT_TAG}`];
  succeeded(await runClient('skopeo', args));
  return path;
}

/** The id of an image in docker and podman: the hash of its config. */
export function idOf({ config }: Image): string {
  return config.digest.slice('sha256:'.length);
}
