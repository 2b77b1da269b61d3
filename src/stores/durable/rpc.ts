import type { AskedAs } from '../../http/identity.ts';
import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { Allowance, PullBudget, Told } from '../../pulls/budget.ts';
import type { Pull, Taken } from '../../pulls/counter.ts';
import type { ClearedEntries } from '../descriptorRecords.ts';
import type { HistoryTerms, Sight, Sighting } from '../tagHistory.ts';
import type { PurgedTags, TagPointer } from '../tagRecords.ts';
import type { Clearing } from '../tombstone.ts';

/** What every request to an object says: who confirms here, and how long what is stored is of use. */
export interface Terms {
  readonly askedAs: AskedAs;
  /** How long an entry or a pointer is of use to anybody after the origin confirmed it, in ms. */
  readonly retentionMs: number;
  /** How long a row lives after its last write, in ms: past the retention, so that no tombstone goes too soon. */
  readonly lifeMs: number;
}

/** The entries of one link set, named in every request. */
export interface EntryKeys extends Terms {
  readonly links: LinkSet;
  readonly digests: readonly string[];
}

export interface TagVariant {
  readonly tag: string;
  readonly variant: string;
}

/** What the origin confirmed. `lookedAt` is the object's own time of a look before the question (epoch ms), if any. */
export interface Confirmed<V> {
  readonly value: V;
  readonly lookedAt?: number | undefined;
}

/** Rows as an object returns them, not validated. */
export interface StoredEntry {
  readonly entry: Entry | undefined;
  readonly clearedUntil: number;
}

export interface StoredPointer {
  readonly pointer: TagPointer | undefined;
  readonly clearedUntil: number;
  /** The entry of the manifest that the tag points to. */
  readonly manifest: StoredEntry | undefined;
}

export type SightingsOf = { readonly tag: string } | { readonly digest: Digest };

/** Content, and whether it is in the second half of its life. */
export interface StoredBytes {
  readonly content: Uint8Array;
  readonly isOld: boolean;
}

/** The result of a look, and the object's own time (epoch ms). */
export interface Looked<R> {
  readonly rows: R;
  readonly lookedAt: number;
}

/** Writes of what the origin confirmed. They may wait for each other, and nobody waits for them. */
export interface Writes {
  /** @returns `refused` if a tombstone hides the entry */
  entry(keys: EntryKeys, entry: Confirmed<Entry>): 'refused' | undefined;
  /** @returns `refused` if a tombstone hides the pointer */
  pointer(terms: Terms, key: TagVariant, pointer: Confirmed<TagPointer>): 'refused' | undefined;
  note(terms: Terms, tag: string, pointer: TagPointer, isMoved: boolean): boolean;
  content(digest: string, content: Uint8Array, lifeMs: number): void;
}

/** Removals, which wait for nothing. */
export interface Clears {
  mark(keys: EntryKeys, clearing: Clearing): void;
  entries(keys: EntryKeys, clearing: Clearing): (string | undefined)[];
  presentEntries(keys: EntryKeys, clearing: Clearing): string[];
  allEntries(terms: Terms & Pick<EntryKeys, 'links'>, clearing: Clearing, most: number): ClearedEntries;
  tags(terms: Terms, tags: readonly string[], clearing: Clearing): Digest[];
  allTags(terms: Terms, clearing: Clearing): PurgedTags;
  content(digest: string): void;
}

/** A call of one of the methods `M`, as it is sent. */
export type Call<M> = {
  [N in keyof M]: M[N] extends (...args: infer A) => unknown ? readonly [method: N, ...args: A] : never;
}[keyof M];

/** What the method that is called returns. */
export type ResultOf<M, C> = C extends readonly [infer N extends keyof M, ...unknown[]]
  ? M[N] extends (...args: never[]) => infer R
    ? R
    : never
  : never;

/** The methods of the object that counts the pulls of an upstream: as `PullCounter` has them. */
export interface PullsRpc {
  takePull(declared: Allowance | undefined, pull: Pull): Promise<Taken>;
  tellPulls(declared: Allowance | undefined, told: Told, counted: number): Promise<void>;
  readPulls(declared: Allowance | undefined): Promise<PullBudget>;
}

/** The methods of a repository's object. Each runs alone, and is one transaction. */
export interface RepositoryRpc extends PullsRpc {
  readEntries(keys: EntryKeys): Promise<Looked<StoredEntry[]>>;
  /** @param after where the list begins @returns at most so many digests of entries, in their order */
  listEntries(terms: Terms & Pick<EntryKeys, 'links'>, after: string, most: number): Promise<string[]>;
  readPointers(terms: Terms, keys: readonly TagVariant[]): Promise<Looked<StoredPointer[]>>;
  readContent(digest: string): Promise<StoredBytes | undefined>;
  /** @returns the history of the tag with this sight, what was seen last first */
  see(terms: HistoryTerms, tag: string, sight: Sight): Promise<Sighting[]>;
  /** Notes that a tag led nowhere (epoch ms), if it was seen before. */
  miss(tag: string, at: number): Promise<void>;
  /** Returns the history of a tag, what was seen last first, or what was seen of all tags that led to a digest. */
  readSightings(of: SightingsOf): Promise<Sighting[]>;
  release(terms: HistoryTerms, tag: string, digest: Digest): Promise<void>;
  /** @returns the results of the calls, in their order */
  write(calls: readonly Call<Writes>[]): Promise<unknown[]>;
  clear(calls: readonly Call<Clears>[]): Promise<unknown[]>;
}
