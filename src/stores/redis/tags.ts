import { type Digest, isDigest, parseDigest } from '../../oci/digest.ts';
import { tryParse, unwrap } from '../faults.ts';
import { createRecentNotes } from '../recentNotes.ts';
import type { Stored } from '../records.ts';
import type { TagKey, TagPointer, TagRecords } from '../tagRecords.ts';
import { type Clearing, clearingAhead } from '../tombstone.ts';
import { parseNumber, type RedisRecordsOptions, sparesArgument } from './records.ts';
import { parseScan, parseStrings, parseTransaction, readEach } from './replies.ts';
import { CLEAR_TAGS, NOTE_TAG } from './scripts.ts';

/** How many keys one SCAN visits. It walks over the whole database, in which few keys are tags of the repository. */
const SCAN_COUNT = 10_000;

/**
 * Stores tags in Redis: one hash per tag, so that a clear is one step. It has a field for each variant, the note
 * (`led`), and the tombstone (`cleared`).
 *
 *     HASH  registry-edge::tags::<name>::<tag>   <variant> and led: "<digest> <verifiedAt>", cleared
 */
export function createRedisTags({ redis, keys, confirmedField, lifeMs }: RedisRecordsOptions): TagRecords {
  // With its prefix, no variant is equal to `cleared` or `led`.
  const fieldOf = ({ variant }: TagKey) => `${confirmedField} ${variant}`;
  const recentNotes = createRecentNotes();

  function read(tagKeys: readonly TagKey[]) {
    return readEach(redis, tagKeys, {
      commands: (pipeline, key) => pipeline.hmget(keys.tag(key), fieldOf(key), 'cleared'),
      parse([reply]) {
        const [text, cleared] = parseStrings(reply, 2);
        return tryParse(
          (): Stored<TagPointer> => ({
            value: text == null ? undefined : parsePointer(text),
            clearedUntil: parseNumber(cleared ?? '0'),
          }),
        );
      },
    });
  }
  async function clear(tags: string[], clearing: Clearing): Promise<Cleared> {
    if (tags.length === 0) return { counted: 0, digests: new Set() };
    const reply: unknown = await (await redis).eval(CLEAR_TAGS, tags, [
      clearing.until,
      lifeMs,
      sparesArgument(clearing),
    ]);
    if (!Array.isArray(reply) || reply.length !== tags.length) throw new TypeError('invalid reply to a clear of tags');
    const cleared = reply.map(parseCleared);
    return {
      counted: cleared.filter(({ counted }) => counted > 0).length,
      digests: new Set(cleared.flatMap(({ digests }) => [...digests])),
    };
  }
  async function write(key: TagKey, { digest, verifiedAt }: TagPointer): Promise<void> {
    // If two answers overtake each other, the one that was confirmed later stays. Another isolate may still write
    // between this read and the write, which does no harm: its pointer is about as recent.
    const [stored] = await read([key]);
    const current = stored && unwrap(stored).value;
    if (current && current.verifiedAt > verifiedAt) return;
    const writing = (await redis)
      .multi()
      .hset(keys.tag(key), { [fieldOf(key)]: `${digest} ${verifiedAt}` })
      .pexpire(keys.tag(key), lifeMs);
    parseTransaction(await writing.exec(), 2);
  }

  return {
    read: (_ctx, tagKeys) => read(tagKeys),
    async write(_ctx, tagKeys, pointer) {
      await Promise.all([...tagKeys].map((key) => write(key, pointer)));
    },
    async clear(_ctx, tags, clearing) {
      const hashes = tags.map(keys.tag);
      // An eviction leaves the notes.
      if (!clearing.sparesLater) recentNotes.remove(hashes);
      return (await clear(hashes, clearing)).digests;
    },
    async note(ctx, tag, { digest, verifiedAt }, isMoved) {
      const key = keys.tag(tag);
      if (recentNotes.has(ctx, key, digest)) return true;
      const args = [digest, verifiedAt, lifeMs, isMoved ? 'moved' : 'read'];
      const reply: unknown = await (await redis).eval(NOTE_TAG, [key], args);
      if (reply !== 0 && reply !== 1) throw new TypeError('invalid reply to a note');
      if (reply === 1) recentNotes.add(ctx, key, digest);
      return reply === 1;
    },
    async clearPage(ctx, names, cursor = '0') {
      const [only, ...others] = names;
      // One SCAN serves all repositories, since one for each would walk over as many keys.
      const match = keys.tag({ name: only && others.length === 0 ? only : '*', tag: '*' });
      const page = parseScan(await (await redis).scan(cursor, { match, count: SCAN_COUNT }));
      const prefixes = new Set(names.map((name) => keys.tag({ name, tag: '' })));
      // Neither names nor tags contain a colon.
      const found = page.found.filter((key) => prefixes.has(key.slice(0, key.lastIndexOf('::') + 2)));
      const { counted } = await clear([...new Set(found)], clearingAhead(ctx.now()));
      return { removed: counted, cursor: page.cursor };
    },
  };
}

/** The result of a clear. */
interface Cleared {
  /** Of one tag: how many pointers counted. Of several: how many tags had one that did. */
  readonly counted: number;
  /** The digests of the removed pointers and notes. */
  readonly digests: ReadonlySet<Digest>;
}

/** Parses the reply to the clear of one tag. @throws TypeError the reply is not one of Redis */
function parseCleared(reply: unknown): Cleared {
  const [counted, ...digests]: unknown[] = Array.isArray(reply) ? reply : [];
  if (typeof counted !== 'number') throw new TypeError('invalid reply to a clear of tags');
  // Malformed digests are ignored.
  return { counted, digests: new Set(digests.filter((text) => typeof text === 'string').filter(isDigest)) };
}

/** @throws TypeError, RegistryError the stored pointer is malformed */
function parsePointer(text: string): TagPointer {
  const [digest = '', verifiedAt = ''] = text.split(' ');
  return { digest: parseDigest(digest), verifiedAt: parseNumber(verifiedAt) };
}
