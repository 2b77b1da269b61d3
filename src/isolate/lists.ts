import type { RequestContext } from '../context.ts';
import type { Memory } from './memory.ts';

/** A list of tags, referrers or repositories, as the origin gave it. */
export interface List {
  readonly body: Uint8Array;
  /** Those that belong to the list: its media type, its `Link`, what it was filtered by. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Lists in this isolate's memory, for a short time. */
export interface Lists {
  /**
   * What is kept of a repository, as of now: a list that is asked for before a drop and comes after it is not kept.
   * @param name of the repository; empty: of the whole registry
   */
  of(ctx: RequestContext, name: string): ListsOfOne;
  /** Forgets a repository's lists: a manifest was pushed or deleted there, which may have tags, and a subject. */
  drop(name: string): void;
  /** `LIST_TTL` in ms; 0: no list is kept. */
  readonly ttlMs: number;
}

export interface ListsOfOne {
  get(key: string): List | undefined;
  set(key: string, list: List, sentAt: number): void;
}

/** All that one repository's lists belong to, until they are dropped. */
type Generation = Record<never, never>;

export function createLists(memory: Memory, ttlMs: number): Lists {
  const kept = memory.part<List & { readonly generation: Generation }>('list');
  const generations = memory.part<Generation>('lists');

  function generationOf(ctx: RequestContext, name: string): Generation {
    const generation = generations.get(name, ctx.now()) ?? {};
    // As long as a list that is asked for now.
    generations.set(name, generation, ctx.now() + ttlMs, 0);
    return generation;
  }

  return {
    ttlMs,
    of(ctx, name) {
      const generation = generationOf(ctx, name);
      return {
        get(key) {
          const list = kept.get(key, ctx.now());
          return list?.generation === generation ? list : undefined;
        },
        set: (key, list, sentAt) => kept.set(key, { ...list, generation }, sentAt + ttlMs, list.body.length),
      };
    },
    drop: (name) => generations.delete(name),
  };
}
