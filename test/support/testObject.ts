import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { LinkSet } from '../../src/oci/links.ts';
import type { EntryKeys, RepositoryRpc, Terms } from '../../src/stores/durable/rpc.ts';
import { entryFor, uniqueName } from './digests.ts';

export const LIFE_MS = 60_000;
export const TERMS: Terms = { askedAs: 'caller', retentionMs: LIFE_MS, lifeMs: LIFE_MS };
export const keysOf = (digest: string, terms = TERMS, links: LinkSet = 'blobs'): EntryKeys => ({
  ...terms,
  links,
  digests: [digest],
});
export type TestObject = DurableObjectStub<undefined> & RepositoryRpc;
export const objectOf = (name = uniqueName()) =>
  env.REPOSITORIES.get(env.REPOSITORIES.idFromName(name)) as unknown as TestObject;

export const upTo = (until: number) => ({ until, sparesLater: false });

/** Writes the entry of a digest, confirmed at a time by the writer's clock. */
export function write(object: TestObject, digest: string, verifiedAt: number, lookedAt?: number, terms = TERMS) {
  const value = entryFor(digest as never, verifiedAt);
  return object.write([['entry', keysOf(digest, terms), { value, lookedAt }]]);
}

export async function read(object: TestObject, digest: string) {
  const { rows } = await object.readEntries(keysOf(digest));
  return rows[0];
}

/** Counts what an object has stored: rows of its tables, and whether it has an alarm. */
export function storedIn(object: TestObject): Promise<{ rows: number; hasAlarm: boolean }> {
  return runInDurableObject(object, async (_instance, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      )
      .toArray();
    const counts = tables.map(
      ({ name }) => storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${name}`).one().n,
    );
    return { rows: counts.reduce((sum, n) => sum + n, 0), hasAlarm: (await storage.getAlarm()) !== null };
  });
}
