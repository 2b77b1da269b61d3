import { allDone, batchesOf, eachInTurn } from '../../async.ts';
import type { Entry } from '../../oci/descriptor.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { RepositoryRecords } from '../descriptorRecords.ts';
import { CONTENT_TIMEOUT_MS } from '../options.ts';
import { createRecentNotes } from '../recentNotes.ts';
import type { Stored } from '../records.ts';
import type { ContentRecords } from '../store.ts';
import type { Tag, TagPointer, TagRecords } from '../tagRecords.ts';
import { withTimeout } from '../timeout.ts';
import { clearingAhead } from '../tombstone.ts';
import type { RepositoryRpc, Terms } from './rpc.ts';

/** How many digests one request has at most. */
const BATCH = 1_000;
/** At most this many objects are asked at the same time: a Worker has six connections. */
const CONCURRENCY = 5;
/** A row may have 2 MB. */
const MAX_CONTENT_BYTES = 1_900_000;

/** The entries of one repository in its object: every operation is one request. */
export function durableDescriptors(object: RepositoryRpc, links: LinkSet, terms: Terms): RepositoryRecords {
  const keysOf = (digests: Iterable<string>) => ({ ...terms, links, digests: [...digests] });
  return {
    batch: BATCH,
    async read(_ctx, digests) {
      const rows = await withTimeout(object.readEntries(keysOf(digests)));
      return rows.map(({ entry, clearedUntil }): Stored<Entry> => ({ value: entry, clearedUntil }));
    },
    write: (_ctx, digests, entry) => withTimeout(object.writeEntry(keysOf(digests), entry)),
    writeTombstone: (_ctx, digest, until) => withTimeout(object.markEntries(keysOf([digest]), until)),
    clear: (_ctx, digests, clearing) => withTimeout(object.clearEntries(keysOf(digests), clearing)),
    clearAll: (_ctx, clearing, most) => withTimeout(object.clearAllEntries({ ...terms, links }, clearing, most)),
  };
}

/** The tags of repositories, each in the object of its repository. */
export function durableTags(objectOf: (name: RepositoryName) => RepositoryRpc, terms: Terms): TagRecords {
  const recentNotes = createRecentNotes();
  const keyOf = ({ name, tag }: Tag) => `${name} ${tag}`;
  return {
    read: (_ctx, keys) =>
      Promise.all(
        keys.map(async ({ name, tag, variant }): Promise<Stored<TagPointer>> => {
          const [row] = await withTimeout(objectOf(name).readPointers(terms, [{ tag, variant }]));
          return { value: row?.pointer, clearedUntil: row?.clearedUntil ?? 0 };
        }),
      ),
    async write(_ctx, keys, pointer) {
      const write = ({ name, tag, variant }: Tag & { readonly variant: string }) =>
        withTimeout(objectOf(name).writePointer(terms, { tag, variant }, pointer));
      await Promise.all([...keys].map(write));
    },
    async clear(_ctx, tags, clearing) {
      // An eviction leaves the notes.
      if (!clearing.sparesLater) recentNotes.remove(tags.map(keyOf));
      const cleared = [...byRepository(tags)].map(([name, names]) =>
        withTimeout(objectOf(name).clearTags(terms, names, clearing)),
      );
      return new Set((await Promise.all(cleared)).flat());
    },
    async note(ctx, tag, pointer, isMoved) {
      const key = keyOf(tag);
      if (recentNotes.has(ctx, key, pointer.digest)) return true;
      const isCurrent = await withTimeout(objectOf(tag.name).noteTag(terms, tag.tag, pointer, isMoved));
      if (isCurrent) recentNotes.add(ctx, key, pointer.digest);
      return isCurrent;
    },
    async clearPage(ctx, names) {
      let removed = 0;
      const clear = async (name: RepositoryName) => {
        removed += (await withTimeout(objectOf(name).clearAllTags(terms, clearingAhead(ctx.now())))).removed;
      };
      await eachInTurn(batchesOf(names, CONCURRENCY), (batch) => allDone(batch.map(clear)));
      return { removed };
    },
  };
}

function byRepository(tags: readonly Tag[]): Map<RepositoryName, string[]> {
  const repositories = new Map<RepositoryName, string[]>();
  for (const { name, tag } of tags) repositories.set(name, [...(repositories.get(name) ?? []), tag]);
  return repositories;
}

/** Content, in objects that share it by digest. */
export function durableContents(objectOf: (digest: string) => RepositoryRpc, lifeMs: number): ContentRecords {
  return {
    async read(_ctx, digest) {
      const object = objectOf(digest);
      const found = await withTimeout(object.readContent(digest), CONTENT_TIMEOUT_MS);
      if (!found) return undefined;
      const { content, isOld } = found;
      return { content, renew: isOld ? () => withTimeout(object.writeContent(digest, content, lifeMs)) : undefined };
    },
    async write(_ctx, digest, content) {
      if (content.length > MAX_CONTENT_BYTES) return;
      await withTimeout(objectOf(digest).writeContent(digest, content, lifeMs), CONTENT_TIMEOUT_MS);
    },
    remove: (digest) => withTimeout(objectOf(digest).removeContent(digest)),
  };
}
