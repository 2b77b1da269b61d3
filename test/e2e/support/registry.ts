import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { freePort } from './port.ts';
import { type Running, run } from './process.ts';

/** A docker-registry with storage of its own on disk. */
export interface Registry {
  readonly url: string;
  /** As clients write it before an image's name. */
  readonly host: string;
  /** Where it keeps its content. */
  readonly root: string;
  /** Starts it again after `stop`, at the same address and with the same content. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The one user of a registry with `htpasswd`. */
export const USER = { name: 'alice', password: 'correct horse' } as const;
/** bcrypt of the password, with the least cost that is quick enough for thousands of requests. */
const HTPASSWD = `${USER.name}:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n`;

/** @param guarded whether it asks for the credentials of `USER` */
export async function startRegistry({ guarded = false }: { guarded?: boolean } = {}): Promise<Registry> {
  const folder = await temporaryFolder();
  const root = join(folder, 'storage');
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    version: 0.1,
    log: { accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: root }, delete: { enabled: true } },
    http: { addr: host },
    ...(guarded && { auth: { htpasswd: { realm: 'origin', path: join(folder, 'htpasswd') } } }),
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  await writeFile(join(folder, 'htpasswd'), HTPASSWD);

  let process: Running;
  async function start(): Promise<void> {
    process = run('docker-registry', ['serve', join(folder, 'config.yml')]);
    await process.prints(/listening on/);
  }
  await start();
  return {
    url: `http://${host}`,
    host,
    root,
    start,
    stop: async () => void (await process.stop()),
  };
}
