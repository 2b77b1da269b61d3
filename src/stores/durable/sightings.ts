import type { Digest } from '../../oci/digest.ts';
import { afterSight, type HistoryTerms, type Sight, type Sighting } from '../tagHistory.ts';

interface Row extends Record<string, SqlStorageValue> {
  digest: string;
  first: number;
  last: number;
  since: number;
  held: number;
  initial: number;
  released: number;
}

const COLUMNS = 'digest, first, last, since, held, initial, released';
/** How many digests of a tag are kept that do not count, and how many that do: those that were seen last. */
const MAX_DIGESTS = 20;
/** A tag that nobody asks for is forgotten after this time, and what has to be held longer after that. */
const LIFE_MS = 60 * 86_400_000;
/** So much of a sight is not worth a write. */
const GRAIN_MS = 60_000;

/** Where tags led, in an object's SQL. */
export class Sightings {
  readonly #sql: SqlStorage;
  readonly #now: () => number;

  constructor(sql: SqlStorage, now: () => number) {
    this.#sql = sql;
    this.#now = now;
  }

  /** Returns the history of a tag, what was seen last first. */
  read(tag: string): Sighting[] {
    return this.#sql
      .exec<Row>(
        `SELECT ${COLUMNS} FROM sightings WHERE tag = ? AND expires > ? ORDER BY last DESC, since DESC`,
        ...[tag, this.#now()],
      )
      .toArray()
      .map(sightingOf);
  }

  ofDigest(digest: string): Sighting[] {
    return this.#sql
      .exec<Row>(`SELECT ${COLUMNS} FROM sightings WHERE digest = ? AND expires > ?`, ...[digest, this.#now()])
      .toArray()
      .map(sightingOf);
  }

  /** Returns the history with a sight, if that says nothing that is worth a write. */
  confirm(terms: HistoryTerms, tag: string, sight: Sight): Sighting[] | undefined {
    const history = this.read(tag);
    const [stored] = history;
    const seen = afterSight(history, sight, this.#now());
    if (!seen) return history;
    if (seen.digest !== stored?.digest || seen.since !== stored.since) return undefined;
    const becomesHeld = seen.heldMs >= terms.forMs && stored.heldMs < terms.forMs;
    return becomesHeld || seen.lastSeen - stored.lastSeen >= GRAIN_MS ? undefined : [seen, ...history.slice(1)];
  }

  /** Notes a sight. @returns the history with it */
  see(terms: HistoryTerms, tag: string, sight: Sight): Sighting[] {
    const history = this.read(tag);
    const seen = afterSight(history, sight, this.#now());
    if (!seen) return history;
    this.#write(terms, tag, seen);
    if (seen.digest !== history[0]?.digest) this.#bound(terms, tag);
    return this.read(tag);
  }

  /** Lets a tag lead to a digest at once. One that was never seen has no first sight. */
  release(terms: HistoryTerms, tag: string, digest: Digest): void {
    const releasedAt = this.#now();
    const known = this.read(tag).find((one) => one.digest === digest);
    const unseen = { digest, firstSeen: 0, lastSeen: 0, since: 0, heldMs: 0, isFirst: false };
    this.#write(terms, tag, { ...(known ?? unseen), releasedAt });
    this.#bound(terms, tag);
  }

  #write({ forMs }: HistoryTerms, tag: string, sighting: Sighting): void {
    const { digest, firstSeen, lastSeen, since, heldMs, isFirst, releasedAt } = sighting;
    this.#sql.exec(
      `INSERT OR REPLACE INTO sightings (tag, ${COLUMNS}, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[tag, digest, firstSeen, lastSeen, since, heldMs, isFirst ? 1 : 0, releasedAt],
      this.#now() + LIFE_MS + forMs,
    );
  }

  /** Forgets the oldest digests of a tag, and keeps all others as long as the tag is in use. */
  #bound({ forMs }: HistoryTerms, tag: string): void {
    const counts = '(held >= ?2 OR initial = 1 OR released > 0)';
    for (const which of [counts, `NOT ${counts}`]) {
      this.#sql.exec(
        `DELETE FROM sightings WHERE tag = ?1 AND ${which} AND digest NOT IN
           (SELECT digest FROM sightings WHERE tag = ?1 AND ${which} ORDER BY max(last, released) DESC LIMIT ?3)`,
        ...[tag, forMs, MAX_DIGESTS],
      );
    }
    this.#sql.exec(
      'UPDATE sightings SET expires = max(expires, ?) WHERE tag = ?',
      ...[this.#now() + LIFE_MS + forMs, tag],
    );
  }
}

function sightingOf({ digest, first, last, since, held, initial, released }: Row): Sighting {
  return {
    ...{ digest: digest as Digest, firstSeen: first, lastSeen: last, since, heldMs: held },
    ...{ isFirst: initial === 1, releasedAt: released },
  };
}
