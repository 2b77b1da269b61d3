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
/** So much of the life of a row is not worth one either. */
const LIFE_GRAIN_MS = 86_400_000;
/** A row that stays what it is keeps its place in the index, which would be a further write. */
const WRITE = `
  INSERT INTO sightings (tag, ${COLUMNS}, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (tag, digest) DO UPDATE SET first = excluded.first, last = excluded.last, since = excluded.since,
    held = excluded.held, initial = excluded.initial, released = excluded.released, expires = excluded.expires`;

const AGED = 'tag = ?1 AND expires > ?2 AND expires < ?3';

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
    if (!seen) return this.#ages(terms, tag) ? undefined : history;
    if (seen.digest !== stored?.digest || seen.since !== stored.since) return undefined;
    const becomesHeld = seen.heldMs >= terms.forMs && stored.heldMs < terms.forMs;
    return becomesHeld || seen.lastSeen - stored.lastSeen >= GRAIN_MS ? undefined : [seen, ...history.slice(1)];
  }

  /** Notes a sight. @returns the history with it */
  see(terms: HistoryTerms, tag: string, sight: Sight): Sighting[] {
    const history = this.read(tag);
    const seen = afterSight(history, sight, this.#now());
    if (!seen) {
      // Somebody asks for the tag still, so what is known of it must not be forgotten: an archive keeps tags for years.
      this.#renew(terms, tag);
      return history;
    }
    this.#write(terms, tag, seen);
    if (seen.digest !== history[0]?.digest) this.#bound(terms, tag);
    return this.read(tag);
  }

  /** Whether the tag led somewhere when it was seen last, before it led nowhere at this time. */
  isMissed(tag: string, at: number): boolean {
    const [current] = this.read(tag);
    return current !== undefined && current.since > 0 && at > current.lastSeen;
  }

  /** Ends the time for which a tag leads to what it was seen to lead to last. */
  miss(tag: string): void {
    const [current] = this.read(tag);
    this.#sql.exec('UPDATE sightings SET since = 0 WHERE tag = ? AND digest = ?', ...[tag, current?.digest ?? '']);
  }

  /** Lets a tag lead to a digest at once. One that was never seen has no first sight. */
  release(terms: HistoryTerms, tag: string, digest: Digest): void {
    const releasedAt = this.#now();
    const known = this.read(tag).find((one) => one.digest === digest);
    const unseen = { digest, firstSeen: 0, lastSeen: 0, since: 0, heldMs: 0, isFirst: false };
    this.#write(terms, tag, { ...(known ?? unseen), releasedAt });
    this.#bound(terms, tag);
  }

  /** Writes what is known of a digest. What else is known of the tag lives as long, to within a day. */
  #write(terms: HistoryTerms, tag: string, sighting: Sighting): void {
    const { digest, firstSeen, lastSeen, since, heldMs, isFirst, releasedAt } = sighting;
    const expires = this.#expiresAt(terms);
    this.#sql.exec(WRITE, ...[tag, digest, firstSeen, lastSeen, since, heldMs, isFirst ? 1 : 0, releasedAt, expires]);
    this.#renew(terms, tag);
  }

  #expiresAt({ forMs }: HistoryTerms): number {
    return this.#now() + LIFE_MS + forMs;
  }

  /** Whether the life of something that is known of a tag is worth a write. */
  #ages(terms: HistoryTerms, tag: string): boolean {
    const aged = [tag, this.#now(), this.#expiresAt(terms) - LIFE_GRAIN_MS];
    return this.#sql.exec(`SELECT 1 FROM sightings WHERE ${AGED} LIMIT 1`, ...aged).toArray().length > 0;
  }

  /** Lets all that is known of a tag live on, to within a day. */
  #renew(terms: HistoryTerms, tag: string): void {
    const expires = this.#expiresAt(terms);
    const aged = [tag, this.#now(), expires - LIFE_GRAIN_MS];
    this.#sql.exec(`UPDATE sightings SET expires = ?4 WHERE ${AGED}`, ...aged, expires);
  }

  /** Forgets the oldest digests of a tag. */
  #bound({ forMs }: HistoryTerms, tag: string): void {
    const counts = '(held >= ?2 OR initial = 1 OR released > 0)';
    for (const which of [counts, `NOT ${counts}`]) {
      this.#sql.exec(
        `DELETE FROM sightings WHERE tag = ?1 AND ${which} AND digest NOT IN
           (SELECT digest FROM sightings WHERE tag = ?1 AND ${which} ORDER BY max(last, released) DESC LIMIT ?3)`,
        ...[tag, forMs, MAX_DIGESTS],
      );
    }
  }
}

function sightingOf({ digest, first, last, since, held, initial, released }: Row): Sighting {
  return {
    ...{ digest: digest as Digest, firstSeen: first, lastSeen: last, since, heldMs: held },
    ...{ isFirst: initial === 1, releasedAt: released },
  };
}
