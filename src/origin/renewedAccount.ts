import type { RequestContext } from '../context.ts';
import { createSharedWork } from '../isolate/sharedWork.ts';
import { RegistryError } from '../oci/errors.ts';
import type { Account } from './account.ts';

/** A credential that ends. */
export interface Lease {
  /** The `Authorization` header. */
  readonly authorization: string;
  /** When it ends, epoch ms. */
  readonly until: number;
}

/** So long before its end, a credential is renewed after the reply; at most half of its life before. */
const RENEWAL_MS = 600_000;
/** So long before its end it is not used any more: a request may be on its way for some time. */
const MARGIN_MS = 30_000;
/** After a failure nobody is asked for so long, nor twice within it since the origin refuses what there is. */
const PAUSE_MS = 5_000;
/** However short or long a credential is said to live, it is renewed neither before nor after. */
const [MIN_LIFE_MS, MAX_LIFE_MS] = [MARGIN_MS + PAUSE_MS, 86_400_000];

/**
 * Creates an account whose credential is fetched, shared by all requests of the isolate, and renewed in time.
 * @param fetchLease asks for a credential @throws Error there is none now
 */
export function createRenewedAccount(fetchLease: (ctx: RequestContext) => Promise<Lease>): Account {
  const sharedWork = createSharedWork<Lease>();
  let current: (Lease & { readonly since: number }) | undefined;
  let pausedUntil = 0;
  let refusalsUntil = 0;

  async function fetchOnce(ctx: RequestContext): Promise<Lease> {
    // Those who have waited for a request that failed do not ask once more, each by itself.
    if (ctx.now() < pausedUntil) throw unavailable();
    const since = ctx.now();
    const emit = (outcome: 'issued' | 'failed') => ctx.emit({ kind: 'token', outcome, ms: ctx.now() - since });
    try {
      const { authorization, until } = await fetchLease(ctx);
      const lifeMs = Math.min(Math.max(until - since, MIN_LIFE_MS), MAX_LIFE_MS);
      current = { authorization, until: since + lifeMs, since };
      emit('issued');
      return current;
    } catch (cause) {
      emit('failed');
      pausedUntil = ctx.now() + PAUSE_MS;
      ctx.log.error("the edge's account could not be renewed: check the variables of ORIGIN_ACCOUNT");
      throw unavailable(cause);
    }
  }

  const renew = (ctx: RequestContext) => sharedWork(ctx, 'account', () => fetchOnce(ctx));

  return {
    async authorization(ctx, unless) {
      const lease = current;
      const leftMs = (lease?.until ?? 0) - ctx.now();
      if (!lease || leftMs <= MARGIN_MS) return (await renew(ctx)).authorization;
      if (lease.authorization === unless) {
        // Strangers may ask for what the origin refuses to any credential of the account.
        if (ctx.now() < refusalsUntil) return unless;
        const other = await renew(ctx);
        refusalsUntil = ctx.now() + PAUSE_MS;
        return other.authorization;
      }
      if (leftMs < Math.min(RENEWAL_MS, (lease.until - lease.since) / 2)) {
        ctx.waitUntil(renew(ctx).catch(() => undefined));
      }
      return lease.authorization;
    },
  };
}

function unavailable(cause?: unknown): RegistryError {
  return new RegistryError('ORIGIN_UNREACHABLE', {
    ...{ message: 'the account of this edge cannot be renewed: try again', cause },
    headers: { 'Retry-After': '5' },
  });
}
