import type { RequestContext } from './context.ts';
import type { Memory } from './memory.ts';

/** A list of tags, referrers or repositories, as the origin gave it. */
export interface List {
  readonly body: Uint8Array;
  /** Those that belong to the list: its media type, its `Link`, what it was filtered by. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Lists in this isolate's memory, for a short time. */
export interface Lists {
  get(ctx: RequestContext, key: string): List | undefined;
  set(ctx: RequestContext, key: string, list: List, sentAt: number): void;
  /** `LIST_TTL` in ms; 0: no list is kept. */
  readonly ttlMs: number;
}

export function createLists(memory: Memory, ttlMs: number): Lists {
  const kept = memory.part<List>('list');
  return {
    ttlMs,
    get: (ctx, key) => kept.get(key, ctx.now()),
    set: (_ctx, key, list, sentAt) => kept.set(key, list, sentAt + ttlMs, list.body.length),
  };
}
