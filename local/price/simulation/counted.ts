import type { Entry } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryRecords } from '../../../src/stores/descriptorRecords.ts';
import { BadRecord } from '../../../src/stores/faults.ts';
import type { Records } from '../../../src/stores/records.ts';
import type { Store } from '../../../src/stores/store.ts';
import type { TagKey, TagRecords, TagTarget } from '../../../src/stores/tagRecords.ts';
import { COSTS, type Cost, type KnownStore, sumOf, times } from '../costs.ts';

/** What is asked of the store: how often, by the kinds whose costs are counted. */
export interface StoreCalls {
  descriptorReads: number;
  descriptorWrites: number;
  contentReads: number;
  contentWrites: number;
  tagReads: number;
  tagWrites: number;
}

export function noCalls(): StoreCalls {
  return { descriptorReads: 0, descriptorWrites: 0, contentReads: 0, contentWrites: 0, tagReads: 0, tagWrites: 0 };
}

/** Returns what these calls cost in a store. */
export function costOf(store: KnownStore, calls: StoreCalls): Cost {
  const { warm, writeBack, content, tag } = COSTS[store];
  return sumOf(
    times(warm, calls.descriptorReads),
    times(writeBack, calls.descriptorWrites),
    times(content.read, calls.contentReads),
    times(content.write, calls.contentWrites),
    times(tag.read, calls.tagReads),
    times(tag.write, calls.tagWrites),
  );
}

/** Makes of a store in memory one that others see, and counts what is asked of it. @param kind whose habits it has */
export function counted(store: Store, calls: StoreCalls, kind: KnownStore): Store {
  // KV keeps no tags, and an object reads the manifest's descriptor together with the tag.
  const tags =
    kind === 'kv' ? undefined : store.tags && (kind === 'durable' ? withManifests(store, store.tags) : store.tags);
  return {
    ...store,
    name: kind,
    // It has to be waited for.
    isShared: true,
    peek: undefined,
    descriptors: (name, links) =>
      countedRecords<RepositoryRecords, Digest, Entry>(store.descriptors(name, links), calls, 'descriptor'),
    tags: tags && countedRecords<TagRecords, TagKey, TagTarget>(tags, calls, 'tag'),
    contents: {
      ...store.contents,
      read(...args) {
        calls.contentReads += 1;
        return store.contents.read(...args);
      },
      write(...args) {
        calls.contentWrites += 1;
        return store.contents.write(...args);
      },
    },
  };
}

/** Adds to each pointer what the store holds for the manifest, and when it was read. */
function withManifests(store: Store, tags: TagRecords): TagRecords {
  return {
    ...tags,
    async read(ctx, keys) {
      const found = await tags.read(ctx, keys);
      const readOne = async (record: (typeof found)[number], key: TagKey | undefined): Promise<typeof record> => {
        if (record instanceof BadRecord || !key) return record;
        const { value } = record;
        const [manifest] = value ? await store.descriptors(key.name, 'manifests').read(ctx, [value.digest]) : [];
        const known = manifest instanceof BadRecord ? undefined : manifest;
        return { ...record, value: value && { ...value, manifest: known }, lookedAt: ctx.now() };
      };
      return Promise.all(found.map((record, at) => readOne(record, keys[at])));
    },
  };
}

function countedRecords<R extends Records<K, V>, K, V>(records: R, calls: StoreCalls, kind: 'descriptor' | 'tag'): R {
  const parts: Records<K, V> = {
    read(ctx, keys) {
      calls[`${kind}Reads`] += keys.length;
      return records.read(ctx, keys);
    },
    write(ctx, keys, value, lookedAt) {
      calls[`${kind}Writes`] += keys.size;
      return records.write(ctx, keys, value, lookedAt);
    },
  };
  return { ...records, ...parts };
}
