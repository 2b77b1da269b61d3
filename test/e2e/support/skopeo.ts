import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { temporaryFolder } from './cleanup.ts';
import { type Outcome, runClient, SUCCESS } from './command.ts';
import type { Image } from './image.ts';
import { pulledTreeOf, treeOf } from './tree.ts';

export { SUCCESS } from './command.ts';

/** Runs skopeo with no login and no trust policy. */
export async function skopeo(...args: string[]): Promise<Outcome> {
  const logins = join(await temporaryFolder(), 'auth.json');
  await writeFile(logins, '{}');
  return runClient('skopeo', ['--insecure-policy', ...args], { REGISTRY_AUTH_FILE: logins });
}

/**
 * Pushes an image.
 * @param source the image on disk, in skopeo's notation
 * @param creds `name:password` for the registry
 */
export async function push(source: string, reference: string, creds?: string): Promise<Outcome> {
  const login = creds ? ['--dest-creds', creds] : [];
  return skopeo('copy', '--dest-tls-verify=false', ...login, source, `docker://${reference}`);
}

/** Pulls into a new folder, in which each blob is a file named by its digest without `sha256:`. */
export async function pull(reference: string, creds?: string): Promise<Outcome & { readonly folder: string }> {
  const folder = join(await temporaryFolder(), 'pulled');
  const login = creds ? ['--src-creds', creds] : [];
  const outcome = await skopeo('copy', '--src-tls-verify=false', ...login, `docker://${reference}`, `dir:${folder}`);
  return { ...outcome, folder };
}

/** Pushes an image, which has to succeed. */
export async function expectPush({ source }: Image, reference: string, creds?: string): Promise<void> {
  expect(await push(source, reference, creds)).toMatchObject(SUCCESS);
}

/** Pulls an image, which has to succeed and to bring the image's bytes. @returns the folder */
export async function expectPull(reference: string, image: Image, creds?: string): Promise<string> {
  const pulled = await pull(reference, creds);
  expect(pulled).toMatchObject(SUCCESS);
  expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(image));
  return pulled.folder;
}
