import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer } from './http.ts';
import type { Blob } from './image.ts';
import type { Registry } from './registry.ts';
import { fileOf } from './storage.ts';
import { locationOf, openUpload, putWhole } from './uploads.ts';

/**
 * Uploads a blob in one piece, as most clients do.
 * @param url the registry's, or that of the edge in front of it
 * @param as the digest to store it under; by default its own
 */
export async function upload(url: string, name: string, { digest, bytes }: Blob, as = digest): Promise<Answer> {
  const opened = await openUpload(url, name);
  return opened.status === 202 ? putWhole(locationOf(opened, url), as, bytes.length, bytes) : opened;
}

/** Mounts a blob from another repository: 201 if that one has it, 202 and an upload session if not. */
export function mount(url: string, name: string, from: string, digest: string): Promise<Answer> {
  return openUpload(url, name, { mount: digest, from });
}

/** Whether the blob is in a registry's storage, whatever a cache says: its link in the repository, and its bytes. */
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
