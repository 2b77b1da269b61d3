import { type Digest, isDigest } from '../../oci/digest.ts';
import type { PurgedTags, TagPointer } from '../tagRecords.ts';
import { type Clearing, isAlive } from '../tombstone.ts';
import type { Entries } from './entries.ts';
import type { Confirmed, StoredEntry, StoredPointer, TagVariant, Terms } from './rpc.ts';
import { isTooLate, reachOf, type Tombstones } from './tombstones.ts';

interface Row extends Record<string, SqlStorageValue> {
  tag: string;
  variant: string;
  digest: string;
  verified: number;
}

/** Stands for the note of a tag among its variants, none of which is equal to it. */
const NOTE = 'led';
/**
 * How many variants of a tag are kept: those that were written last, of open mirrors and of other edges apart, so that a
 * stranger's do not crowd out those of callers whom somebody knows.
 */
const MAX_VARIANTS = 16;
/** The scope of the tombstone of all tags; no tag's scope is equal to it. */
const ALL_TAGS = 'tags';

const scopeOf = (tag: string) => `tag ${tag}`;

/** The pointers of tags in an object's SQL. */
export class Pointers {
  readonly #sql: SqlStorage;
  readonly #tombstones: Tombstones;
  readonly #entries: Entries;
  readonly #now: () => number;

  constructor(sql: SqlStorage, tombstones: Tombstones, entries: Entries, now: () => number) {
    this.#sql = sql;
    this.#tombstones = tombstones;
    this.#entries = entries;
    this.#now = now;
  }

  read(terms: Terms, keys: readonly TagVariant[]): StoredPointer[] {
    return keys.map(({ tag, variant }) => {
      const row = this.#find(tag, `${terms.askedAs} ${variant}`);
      const manifest = row && this.#manifestOf(terms, row.digest);
      return { pointer: row && pointerOf(row), clearedUntil: this.#clearedUntil(tag), manifest };
    });
  }

  /**
   * Writes a pointer, unless one that was confirmed later is there, or a tombstone of the tag or of its manifest: with
   * a manifest its tags are deleted.
   */
  write(
    terms: Terms,
    { tag, variant }: TagVariant,
    { value: pointer, lookedAt }: Confirmed<TagPointer>,
  ): 'refused' | undefined {
    const manifest = this.#manifestOf(terms, pointer.digest);
    const clearedUntil = Math.max(this.#clearedUntil(tag), manifest?.clearedUntil ?? 0);
    if (!isAlive(pointer.verifiedAt, clearedUntil)) return 'refused';
    if (isTooLate(lookedAt, clearedUntil, this.#now() - terms.retentionMs)) return 'refused';
    this.#upsert({ tag, variant: `${terms.askedAs} ${variant}` }, pointer, terms.lifeMs);
    this.#sql.exec(
      `DELETE FROM pointers WHERE tag = ?1 AND variant LIKE ?2 AND variant NOT IN
         (SELECT variant FROM pointers WHERE tag = ?1 AND variant LIKE ?2 ORDER BY expires DESC LIMIT ?3)`,
      ...[tag, `${terms.askedAs} %`, MAX_VARIANTS],
    );
    return undefined;
  }

  clear({ lifeMs }: Terms, tags: readonly string[], clearing: Clearing): Digest[] {
    const now = this.#now();
    const digests = new Set<Digest>();
    for (const tag of tags) {
      this.#tombstones.extend(scopeOf(tag), reachOf(clearing, now), now + lifeMs);
      // The pointers that were confirmed later still count. The others no longer do, and expire.
      if (clearing.sparesLater) continue;
      const removed = this.#sql.exec<Row>(
        'DELETE FROM pointers WHERE tag = ? RETURNING tag, variant, digest, verified',
        tag,
      );
      for (const { digest } of removed) if (isDigest(digest)) digests.add(digest);
    }
    return [...digests];
  }

  note({ lifeMs }: Terms, tag: string, pointer: TagPointer, isMoved: boolean): boolean {
    if (!isMoved && !isAlive(pointer.verifiedAt, this.#clearedUntil(tag))) return false;
    const note = this.#find(tag, NOTE);
    if (note && note.verified > pointer.verifiedAt) return note.digest === pointer.digest;
    this.#upsert({ tag, variant: NOTE }, pointer, lifeMs);
    return true;
  }

  clearAll({ lifeMs }: Terms, clearing: Clearing): PurgedTags {
    const now = this.#now();
    const { counted } = this.#sql
      .exec<{ counted: number }>(
        `SELECT count(DISTINCT tag) AS counted FROM pointers WHERE variant <> ? AND expires > ?
         AND verified > max(?, coalesce((SELECT until FROM cleared WHERE scope = ? || tag), 0))`,
        ...[NOTE, now, this.#tombstones.until(ALL_TAGS), scopeOf('')],
      )
      .one();
    this.#sql.exec('DELETE FROM pointers');
    this.#tombstones.extend(ALL_TAGS, reachOf(clearing, now), now + lifeMs);
    return { removed: counted };
  }

  #clearedUntil(tag: string): number {
    return Math.max(this.#tombstones.until(scopeOf(tag)), this.#tombstones.until(ALL_TAGS));
  }

  #manifestOf(terms: Terms, digest: string): StoredEntry | undefined {
    return this.#entries.read({ ...terms, links: 'manifests', digests: [digest] })[0];
  }

  #find(tag: string, variant: string): Row | undefined {
    const [row] = this.#sql.exec<Row>(
      'SELECT tag, variant, digest, verified FROM pointers WHERE tag = ? AND variant = ? AND expires > ?',
      ...[tag, variant, this.#now()],
    );
    return row;
  }

  /** If two answers overtake each other, the one that was confirmed later stays. */
  #upsert({ tag, variant }: TagVariant, { digest, verifiedAt }: TagPointer, lifeMs: number): void {
    this.#sql.exec(
      `INSERT INTO pointers (tag, variant, digest, verified, expires) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (tag, variant) DO UPDATE SET
         digest = excluded.digest, verified = excluded.verified, expires = excluded.expires
       WHERE excluded.verified >= verified`,
      ...[tag, variant, digest, verifiedAt, this.#now() + lifeMs],
    );
  }
}

function pointerOf({ digest, verified }: Row): TagPointer {
  return { digest: digest as Digest, verifiedAt: verified };
}
