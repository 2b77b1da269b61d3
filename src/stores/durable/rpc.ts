import type { AskedAs } from '../../http/identity.ts';
import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { ClearedEntries } from '../descriptorRecords.ts';
import type { PurgedTags, TagPointer } from '../tagRecords.ts';
import type { Clearing } from '../tombstone.ts';

/** What every request to an object says: who confirms here, and how long a row lives after its last write, in ms. */
export interface Terms {
  readonly askedAs: AskedAs;
  readonly lifeMs: number;
}

/** A row of an entry as an object returns it, not validated. */
export interface StoredEntry {
  readonly entry: Entry | undefined;
  readonly clearedUntil: number;
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

export interface StoredPointer {
  readonly pointer: TagPointer | undefined;
  readonly clearedUntil: number;
}

/** The methods of a repository's object. Each runs alone and is one transaction. */
export interface RepositoryRpc {
  readEntries(keys: EntryKeys): Promise<StoredEntry[]>;
  writeEntry(keys: EntryKeys, entry: Entry): Promise<void>;
  markEntries(keys: EntryKeys, until: number): Promise<void>;
  clearEntries(keys: EntryKeys, clearing: Clearing): Promise<(string | undefined)[]>;
  clearAllEntries(terms: Terms & Pick<EntryKeys, 'links'>, clearing: Clearing, most: number): Promise<ClearedEntries>;
  readPointers(terms: Terms, keys: readonly TagVariant[]): Promise<StoredPointer[]>;
  writePointer(terms: Terms, key: TagVariant, pointer: TagPointer): Promise<void>;
  clearTags(terms: Terms, tags: readonly string[], clearing: Clearing): Promise<Digest[]>;
  noteTag(terms: Terms, tag: string, pointer: TagPointer, isMoved: boolean): Promise<boolean>;
  clearAllTags(terms: Terms, clearing: Clearing): Promise<PurgedTags>;
  readContent(digest: string): Promise<StoredBytes | undefined>;
  writeContent(digest: string, content: Uint8Array, lifeMs: number): Promise<void>;
  removeContent(digest: string): Promise<void>;
}

/** Content, and whether it is in the second half of its life. */
export interface StoredBytes {
  readonly content: Uint8Array;
  readonly isOld: boolean;
}
