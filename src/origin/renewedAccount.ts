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
/** After a failure nobody is asked for so long. */
const PAUSE_MS = 5_000;

/**
 * Creates an account whose credential is fetched, shared by all requests of the isolate, and renewed in time.
 * @param fetchLease asks for a credential @throws Error there is none now
 */
export function createRenewedAccount(fetchLease: (ctx: RequestContext) => Promise<Lease>): Account {
  const sharedWork = createSharedWork<Lease>();
  let current: (Lease & { readonly since: number }) | undefined;
  let pausedUntil = 0;

  async function renew(ctx: RequestContext): Promise<Lease> {
    if (ctx.now() < pausedUntil) throw unavailable();
    const since = ctx.now();
    const emit = (outcome: 'issued' | 'failed') => ctx.emit({ kind: 'token', outcome, ms: ctx.now() - since });
    try {
      const lease = await sharedWork(ctx, 'account', async () => {
        current = { ...(await fetchLease(ctx)), since };
        return current;
      });
      emit('issued');
      return lease;
    } catch (cause) {
      emit('failed');
      pausedUntil = ctx.now() + PAUSE_MS;
      ctx.log.error("the edge's account could not be renewed: check the variables of ORIGIN_ACCOUNT");
      throw unavailable(cause);
    }
  }

  return {
    async authorization(ctx, unless) {
      const lease = current;
      const leftMs = (lease?.until ?? 0) - ctx.now();
      if (!lease || leftMs <= MARGIN_MS || lease.authorization === unless) return (await renew(ctx)).authorization;
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
