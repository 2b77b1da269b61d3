import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { ClearedEntries } from '../descriptorRecords.ts';
import { couldAnswer, isPresent } from '../present.ts';
import type { Stored } from '../records.ts';
import { type Clearing, isAlive } from '../tombstone.ts';
import { COLUMNS, type Confirmations, columnOf, entryOf, lastConfirmed, type Row } from './entryRow.ts';
import type { Confirmed, EntryKeys, StoredEntry, Terms } from './rpc.ts';
import { isTooLate, reachOf, type Tombstones } from './tombstones.ts';

/** The entries in an object's SQL. */
export class Entries {
  readonly #sql: SqlStorage;
  readonly #tombstones: Tombstones;
  readonly #now: () => number;

  constructor(sql: SqlStorage, tombstones: Tombstones, now: () => number) {
    this.#sql = sql;
    this.#tombstones = tombstones;
    this.#now = now;
  }

  read({ links, digests, askedAs }: EntryKeys): StoredEntry[] {
    const linksClearedUntil = this.#tombstones.until(links);
    const rows = this.#rows(links, digests);
    return digests.map((digest) => {
      const row = rows.get(digest);
      return {
        entry: row && entryOf(row, askedAs),
        clearedUntil: Math.max(linksClearedUntil, row?.cleared ?? 0),
      };
    });
  }

  /** @returns at most so many digests behind `after`, in their order */
  list({ links, askedAs }: Terms & Pick<EntryKeys, 'links'>, after: string, most: number): string[] {
    const rows = this.#sql.exec<Pick<Row, 'digest'>>(
      `SELECT digest FROM entries WHERE links = ? AND digest > ? AND ${columnOf(askedAs)} IS NOT NULL AND expires > ?
       ORDER BY digest LIMIT ?`,
      ...[links, after, this.#now(), most],
    );
    return rows.toArray().map(({ digest }) => digest);
  }

  /** Writes an entry, unless it was confirmed before its tombstone: such a row is left as it is. */
  write(keys: EntryKeys, { value, lookedAt }: Confirmed<Entry>): 'refused' | undefined {
    const { descriptor, verifiedAt, witness } = value;
    const { links, digests, askedAs, lifeMs } = keys;
    const now = this.#now();
    if (!isAlive(verifiedAt, this.#tombstones.until(links))) return 'refused';
    if (isTooLate(lookedAt, this.#tombstones.until(links), now - keys.retentionMs)) return 'refused';
    const column = columnOf(askedAs);
    // The canonical entry comes first: an alias is not written without it.
    const rank = (digest: string) => (digest === descriptor.digest ? 0 : 1);
    for (const digest of [...digests].sort((one, other) => rank(one) - rank(other))) {
      const row = this.#sql.exec(
        `INSERT INTO entries (links, digest, canonical, size, mediatype, witness, ${column}, expires)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (links, digest) DO UPDATE SET
           canonical = excluded.canonical, size = excluded.size, mediatype = excluded.mediatype,
           witness = excluded.witness, ${column} = excluded.${column}, expires = max(expires, excluded.expires)
         WHERE cleared = 0 OR min(excluded.${column}, ?) > cleared
         RETURNING 1`,
        ...[links, digest, descriptor.digest, descriptor.size, descriptor.mediaType, witness ?? null],
        ...[verifiedAt, now + lifeMs, lookedAt ?? verifiedAt],
      );
      if (row.toArray().length === 0) return 'refused';
    }
    return undefined;
  }

  /** @returns for each digest, the digest that its entry named */
  clear(keys: EntryKeys, clearing: Clearing): (string | undefined)[] {
    const rows = this.#rows(keys.links, keys.digests);
    for (const digest of keys.digests) this.#clearOne(keys, digest, rows.get(digest), clearing);
    return keys.digests.map((digest) => rows.get(digest)?.canonical ?? undefined);
  }

  /** @returns the digests that could have answered, including the canonical digests of aliases */
  clearPresent(keys: EntryKeys, clearing: Clearing): string[] {
    const { links, askedAs } = keys;
    const rows = this.#rows(links, keys.digests);
    const stored = (row: Row | undefined): Stored<Entry> => ({
      value: row && entryOf(row, askedAs),
      clearedUntil: Math.max(this.#tombstones.until(links), row?.cleared ?? 0),
    });
    const present = keys.digests.filter((digest) => isPresent(stored(rows.get(digest)), clearing));
    const named = new Set(present.map((digest) => rows.get(digest)?.canonical ?? digest));
    const canonical = [...named.difference(new Set(keys.digests))];
    for (const [digest, row] of this.#rows(links, canonical)) rows.set(digest, row);
    for (const digest of new Set([...present, ...canonical])) this.#clearOne(keys, digest, rows.get(digest), clearing);
    return [...present, ...canonical].filter((digest) => {
      const record = stored(rows.get(digest));
      return couldAnswer(record) && isPresent(record, clearing);
    });
  }

  clearAll({ links, lifeMs }: Terms & Pick<EntryKeys, 'links'>, clearing: Clearing, most: number): ClearedEntries {
    const now = this.#now();
    // Only what is counted by: a large repository has to fit into the memory of its object.
    const rows = this.#sql
      .exec<Pick<Row, 'digest' | 'cleared' | Confirmations>>(
        `SELECT digest, verified, open, cleared FROM entries
         WHERE links = ? AND canonical IS NOT NULL AND expires > ? ORDER BY digest LIMIT ?`,
        ...[links, now, most + 1],
      )
      .toArray();
    const page = rows.slice(0, most);
    // The digests of a page follow each other. What has expired among them is of no use either.
    const last = page.length < rows.length ? (page.at(-1)?.digest ?? '') : '~';
    this.#sql.exec('DELETE FROM entries WHERE links = ? AND digest <= ? AND cleared = 0', links, last);
    this.#sql.exec(
      'UPDATE entries SET canonical = NULL, verified = NULL, open = NULL WHERE links = ? AND digest <= ?',
      ...[links, last],
    );
    this.#tombstones.extend(links, reachOf(clearing, now), now + lifeMs);
    // The tombstone of the link set is ignored here. It comes from an earlier step of this purge, and what that step
    // left over counted before. No entry older than the tombstone has been written since: see `write`.
    const counted = page.filter((row) => isAlive(lastConfirmed(row), row.cleared));
    return { counted: counted.map(({ digest }) => digest as Digest), isMore: rows.length > page.length };
  }

  /** Leaves tombstones and removes nothing. */
  mark({ links, digests, lifeMs }: EntryKeys, clearing: Clearing): void {
    const now = this.#now();
    for (const digest of digests) {
      this.#sql.exec(
        `INSERT INTO entries (links, digest, cleared, expires) VALUES (?, ?, ?, ?)
         ON CONFLICT (links, digest) DO UPDATE SET
           cleared = max(cleared, excluded.cleared), expires = max(expires, excluded.expires)`,
        ...[links, digest, reachOf(clearing, now), now + lifeMs],
      );
    }
  }

  #rows(links: LinkSet, digests: readonly string[]): Map<string, Row> {
    const now = this.#now();
    const [only] = digests;
    if (only === undefined) return new Map();
    const found =
      digests.length === 1
        ? this.#sql.exec<Row>(
            `SELECT ${COLUMNS} FROM entries WHERE links = ? AND digest = ? AND expires > ?`,
            ...[links, only, now],
          )
        : this.#sql.exec<Row>(
            `SELECT ${COLUMNS} FROM entries
             WHERE links = ? AND digest IN (SELECT value FROM json_each(?)) AND expires > ?`,
            ...[links, JSON.stringify(digests), now],
          );
    return new Map(found.toArray().map((row) => [row.digest, row]));
  }

  #clearOne({ links, lifeMs }: EntryKeys, digest: string, row: Row | undefined, clearing: Clearing): void {
    const now = this.#now();
    const cleared = Math.max(row?.cleared ?? 0, reachOf(clearing, now));
    const kept = (confirmed: number | null | undefined) =>
      clearing.sparesLater && confirmed != null && confirmed > cleared ? confirmed : null;
    const [verified, open] = [kept(row?.verified), kept(row?.open)];
    const isSpared = verified !== null || open !== null;
    this.#sql.exec(
      `INSERT INTO entries (links, digest, cleared, expires) VALUES (?, ?, ?, ?)
       ON CONFLICT (links, digest) DO UPDATE SET
         canonical = CASE ? WHEN 1 THEN canonical END, verified = ?, open = ?,
         cleared = max(cleared, excluded.cleared), expires = max(expires, excluded.expires)`,
      ...[links, digest, cleared, now + lifeMs, isSpared ? 1 : 0, verified, open],
    );
  }
}
