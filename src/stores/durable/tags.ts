import { allDone, batchesOf, eachInTurn } from '../../async.ts';
import type { RepositoryName } from '../../oci/name.ts';
import { createRecentNotes } from '../recentNotes.ts';
import type { Stored } from '../records.ts';
import type { Tag, TagKey, TagRecords, TagTarget } from '../tagRecords.ts';
import { withTimeout } from '../timeout.ts';
import { clearingAhead } from '../tombstone.ts';
import type { Objects } from './requests.ts';
import type { Terms } from './rpc.ts';

/** At most this many objects are asked at the same time: a Worker has six connections. */
const CONCURRENCY = 5;

/** The tags of repositories, each in the object of its repository. */
export function createDurableTags({ objectOf, send }: Objects, terms: Terms): TagRecords {
  const recentNotes = createRecentNotes();
  const keyOf = ({ name, tag }: Tag) => `${name} ${tag}`;
  return {
    read: (_ctx, keys) =>
      Promise.all(
        keys.map(async ({ name, tag, variant }): Promise<Stored<TagTarget>> => {
          const { rows, lookedAt } = await withTimeout(objectOf(name).readPointers(terms, [{ tag, variant }]));
          const [row] = rows;
          const manifest = row?.manifest && { value: row.manifest.entry, clearedUntil: row.manifest.clearedUntil };
          return {
            value: row?.pointer && { ...row.pointer, manifest },
            clearedUntil: row?.clearedUntil ?? 0,
            lookedAt,
          };
        }),
      ),
    async write(ctx, keys, value, lookedAt) {
      const write = ({ name, tag, variant }: TagKey) =>
        send(ctx, { name }, 'write', ['pointer', terms, { tag, variant }, { value, lookedAt }]);
      const results = await Promise.all([...keys].map(write));
      return results.find((result) => result !== undefined);
    },
    async clear(ctx, tags, clearing) {
      // An eviction leaves the notes.
      if (!clearing.sparesLater) recentNotes.remove(tags.map(keyOf));
      const cleared = [...byRepository(tags)].map(([name, names]) =>
        send(ctx, { name }, 'clear', ['tags', terms, names, clearing]),
      );
      return new Set((await Promise.all(cleared)).flat());
    },
    async note(ctx, tag, pointer, isMoved) {
      const key = keyOf(tag);
      if (recentNotes.has(ctx, key, pointer.digest)) return true;
      const isCurrent = await send(ctx, { name: tag.name }, 'write', ['note', terms, tag.tag, pointer, isMoved]);
      if (isCurrent) recentNotes.add(ctx, key, pointer.digest);
      return isCurrent;
    },
    async clearPage(ctx, names) {
      let removed = 0;
      const clear = async (name: RepositoryName) => {
        removed += (await send(ctx, { name }, 'clear', ['allTags', terms, clearingAhead(ctx.now())])).removed;
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
