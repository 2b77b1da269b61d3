import { env } from 'cloudflare:workers';
import type { RepositoryNamespace } from '../../src/stores/durable/namespace.ts';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import type { Clock } from '../support/context.ts';
import { interceptObjects } from '../support/durableStore.ts';
import { laggingKv } from '../support/laggingKv.ts';
import type { Troubles } from './troubles.ts';

/** The Durable Objects, as an isolate reaches them: a request may go wrong, and an object may restart under it. */
export function troubledObjects(troubles: Troubles): RepositoryNamespace {
  return interceptObjects((method, _args, call) => troubles.visit(`object: ${method}`, call));
}

/** The KV namespace as one place sees it, which shows what others wrote `lagMs` later; writes may be refused. */
export function troubledKv(troubles: Troubles, clock: Clock, lagMs: number): DescriptorNamespace {
  const kv = lagMs > 0 ? laggingKv(clock, lagMs, false) : env.DESCRIPTORS;
  const visit = <A extends unknown[], R>(method: string, call: (...args: A) => Promise<R>) => {
    return (...args: A) => troubles.visit(`kv: ${method}`, () => call(...args));
  };
  return {
    get: visit('get', kv.get.bind(kv) as (...args: unknown[]) => Promise<unknown>),
    getWithMetadata: visit('get', kv.getWithMetadata.bind(kv) as (...args: unknown[]) => Promise<unknown>),
    put: visit('put', kv.put.bind(kv) as (...args: unknown[]) => Promise<unknown>),
    delete: visit('delete', kv.delete.bind(kv) as (...args: unknown[]) => Promise<unknown>),
    list: visit('list', kv.list.bind(kv) as (...args: unknown[]) => Promise<unknown>),
  } as unknown as DescriptorNamespace;
}

/** The commands that only read, which a replica may answer. */
const READS = /^\[*"(?:hgetall|hmget|hget|get|sismember|smembers|exists|mget)"/i;

/** Redis as one isolate reaches it: a replica may answer what it saw up to `lagMs` ago. */
export function troubledRedis(troubles: Troubles, { now }: Pick<Clock, 'now'>, lagMs: number) {
  const seen = new Map<string, { readonly text: string; readonly until: number }>();
  return async (send: () => Promise<Response>, body: string): Promise<Response> => {
    const isRead = READS.test(body);
    const text = await troubles.visit(`redis: ${body.slice(0, 60)}`, async () => {
      const before = isRead ? seen.get(body) : undefined;
      if (before && before.until > now()) return before.text;
      const answer = await send();
      const fresh = await answer.text();
      if (!answer.ok) throw new Error(`redis: ${answer.status} ${fresh}`);
      if (isRead && lagMs > 0) seen.set(body, { text: fresh, until: now() + lagMs });
      return fresh;
    });
    return new Response(text, { headers: { 'content-type': 'application/json' } });
  };
}
