import { type Digest, isDigest } from '../../oci/digest.ts';
import type { PurgedTags, TagPointer } from '../tagRecords.ts';
import { type Clearing, isAlive } from '../tombstone.ts';
import type { StoredPointer, TagVariant, Terms } from './rpc.ts';
import type { Tombstones } from './tombstones.ts';

interface Row extends Record<string, SqlStorageValue> {
  tag: string;
  variant: string;
  digest: string;
  verified: number;
}

/** Stands for the note of a tag among its variants, none of which is equal to it. */
const NOTE = 'led';
/** How many variants of a tag are kept: those that were written last. */
const MAX_VARIANTS = 16;
/** The scope of the tombstone of all tags; no tag's scope is equal to it. */
const ALL_TAGS = 'tags';

const scopeOf = (tag: string) => `tag ${tag}`;

/** The pointers of tags in an object's SQL. */
export class Pointers {
  readonly #sql: SqlStorage;
  readonly #tombstones: Tombstones;

  constructor(sql: SqlStorage, tombstones: Tombstones) {
    this.#sql = sql;
    this.#tombstones = tombstones;
  }

  read({ askedAs }: Terms, keys: readonly TagVariant[]): StoredPointer[] {
    return keys.map(({ tag, variant }) => {
      const row = this.#find(tag, `${askedAs} ${variant}`);
      return { pointer: row && pointerOf(row), clearedUntil: this.#clearedUntil(tag) };
    });
  }

  /** Writes a pointer, unless one that was confirmed later is there, or a tombstone. */
  write({ askedAs, lifeMs }: Terms, { tag, variant }: TagVariant, pointer: TagPointer): void {
    if (!isAlive(pointer.verifiedAt, this.#clearedUntil(tag))) return;
    this.#upsert({ tag, variant: `${askedAs} ${variant}` }, pointer, lifeMs);
    this.#sql.exec(
      `DELETE FROM pointers WHERE tag = ?1 AND variant <> ?2 AND variant NOT IN
         (SELECT variant FROM pointers WHERE tag = ?1 AND variant <> ?2 ORDER BY expires DESC LIMIT ?3)`,
      ...[tag, NOTE, MAX_VARIANTS],
    );
  }

  clear({ lifeMs }: Terms, tags: readonly string[], { until, sparesLater }: Clearing): Digest[] {
    const digests = new Set<Digest>();
    for (const tag of tags) {
      this.#tombstones.extend(scopeOf(tag), until, Date.now() + lifeMs);
      // The pointers that were confirmed later still count. The others no longer do, and expire.
      if (sparesLater) continue;
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

  clearAll({ lifeMs }: Terms, { until }: Clearing): PurgedTags {
    const rows = this.#sql.exec<Row>('DELETE FROM pointers RETURNING tag, variant, digest, verified').toArray();
    const counted = rows.filter(
      ({ tag, variant, verified }) => variant !== NOTE && isAlive(verified, this.#clearedUntil(tag)),
    );
    this.#tombstones.extend(ALL_TAGS, until, Date.now() + lifeMs);
    return { removed: new Set(counted.map(({ tag }) => tag)).size };
  }

  #clearedUntil(tag: string): number {
    return Math.max(this.#tombstones.until(scopeOf(tag)), this.#tombstones.until(ALL_TAGS));
  }

  #find(tag: string, variant: string): Row | undefined {
    const [row] = this.#sql.exec<Row>(
      'SELECT tag, variant, digest, verified FROM pointers WHERE tag = ? AND variant = ? AND expires > ?',
      ...[tag, variant, Date.now()],
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
      ...[tag, variant, digest, verifiedAt, Date.now() + lifeMs],
    );
  }
}

function pointerOf({ digest, verified }: Row): TagPointer {
  return { digest: digest as Digest, verifiedAt: verified };
}
