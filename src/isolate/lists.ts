import type { RequestContext } from '../context.ts';
import { createGenerations, type Generation } from './generations.ts';
import type { Memory } from './memory.ts';

/** A list of tags, referrers or repositories, as the origin sent it. */
export interface List {
  readonly body: Uint8Array;
  /** The headers that belong to the list: its media type, its `Link`, the filters that were applied. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Lists that this isolate remembers for a short time. */
export interface Lists {
  /**
   * Returns the lists of one repository as of now: a list that is stored through it after a `drop` is not found.
   * @param name of the repository; empty: of the whole registry
   */
  inRepository(ctx: RequestContext, name: string): RepositoryLists;
  /** Forgets the lists of a repository: a manifest was pushed or deleted there, which may have tags and a subject. */
  drop(name: string): void;
  /** `LIST_TTL` in ms; 0: no list is stored. */
  readonly ttlMs: number;
}

export interface RepositoryLists {
  get(key: string): List | undefined;
  set(key: string, list: List, sentAt: number): void;
}

export function createLists(memory: Memory, ttlMs: number): Lists {
  const lists = memory.part<List & { readonly generation: Generation }>('list');
  const generations = createGenerations(memory, 'lists');

  return {
    ttlMs,
    inRepository(ctx, name) {
      // It lives at least as long as a list that is requested now.
      const generation = generations.current(ctx, name, ttlMs);
      return {
        get(key) {
          const list = lists.get(key, ctx.now());
          return list?.generation === generation ? list : undefined;
        },
        set: (key, list, sentAt) => lists.set(key, { ...list, generation }, sentAt + ttlMs, list.body.length),
      };
    },
    drop: (name) => generations.drop(name),
  };
}
