import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer } from './http.ts';
import type { Blob } from './image.ts';
import type { Registry } from './registry.ts';
import { fileOf } from './storage.ts';
import { onward, openUpload, putWhole } from './uploads.ts';

/**
 * Uploads a blob in one piece, as most clients do.
 * @param url of a registry, or of the edge in front of it
 * @param as the digest to store it under; without it, its own
 */
export async function upload(url: string, name: string, { digest, bytes }: Blob, as = digest): Promise<Answer> {
  const opened = await openUpload(url, name);
  return opened.status === 202 ? putWhole(onward(opened, url), as, bytes.length, bytes) : opened;
}

/** Asks for a blob of another repository; 201 where that has it. */
export function mount(url: string, name: string, from: string, digest: string): Promise<Answer> {
  return openUpload(url, name, { mount: digest, from });
}

/** Whether a registry's storage, whatever a cache says, has the blob in the repository: its link and its bytes. */
export async function isStored(registry: Registry, name: string, digest: string): Promise<boolean> {
  const links = join(registry.root, 'docker/registry/v2/repositories', name, '_layers');
  const link = join(links, ...digest.split(':'), 'link');
  return (await Promise.all([link, fileOf(registry, digest)].map(exists))).every(Boolean);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
