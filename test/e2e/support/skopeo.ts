import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { type Outcome, runClient } from './command.ts';

export { SUCCESS } from './command.ts';

/** Runs the client with no login and no trust policy. */
export async function skopeo(...args: string[]): Promise<Outcome> {
  const logins = join(await temporaryFolder(), 'auth.json');
  await writeFile(logins, '{}');
  return runClient('skopeo', ['--insecure-policy', ...args], { REGISTRY_AUTH_FILE: logins });
}

/** @param creds `name:password` for the registry */
export async function push(source: string, image: string, creds?: string): Promise<Outcome> {
  const login = creds ? ['--dest-creds', creds] : [];
  return skopeo('copy', '--dest-tls-verify=false', ...login, source, `docker://${image}`);
}

/** Pulls into a new folder, one file a blob, named by its digest without `sha256:`. */
export async function pull(image: string, creds?: string): Promise<Outcome & { readonly folder: string }> {
  const folder = join(await temporaryFolder(), 'pulled');
  const login = creds ? ['--src-creds', creds] : [];
  const outcome = await skopeo('copy', '--src-tls-verify=false', ...login, `docker://${image}`, `dir:${folder}`);
  return { ...outcome, folder };
}
