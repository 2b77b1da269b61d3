import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';

export interface Outcome {
  readonly code: number;
  /** What it printed, errors too. */
  readonly output: string;
}

const LIMIT_MS = 45_000;

/** Runs the client with nothing of the user's: no login, no trust policy. */
export async function skopeo(...args: string[]): Promise<Outcome> {
  const home = await temporaryFolder();
  const logins = join(home, 'auth.json');
  await writeFile(logins, '{}');
  const env = { PATH: process.env.PATH, HOME: home, REGISTRY_AUTH_FILE: logins };
  return new Promise((resolve) => {
    execFile('skopeo', ['--insecure-policy', ...args], { env, timeout: LIMIT_MS }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, output: stdout + stderr });
    });
  });
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

/** What a success looks like; the output is told where it is none. */
export const SUCCESS = { code: 0 } as const;
