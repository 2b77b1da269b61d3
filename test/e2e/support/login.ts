import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { USER_CREDS } from './registry.ts';

/** The environment of a client whose user has logged in at these hosts. */
export function loginAt(...hosts: readonly string[]): Promise<Record<string, string>> {
  return loginAs(USER_CREDS, ...hosts);
}

/** The same for another user. @param creds `name:password` */
export async function loginAs(creds: string, ...hosts: readonly string[]): Promise<Record<string, string>> {
  const folder = await temporaryFolder();
  const auth = Buffer.from(creds).toString('base64');
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify({ auths }));
  return { DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE: file };
}
