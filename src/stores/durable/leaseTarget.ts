import { RpcTarget } from 'cloudflare:workers';
import type { Told } from '../../pulls/budget.ts';
import type { PulledManifest, PullLease } from '../../pulls/counter.ts';

/**
 * A lease on its way to an isolate. What it is told belongs to the request that took it, and costs no other one. If the
 * isolate is gone, the runtime disposes of it.
 */
export class LeaseTarget extends RpcTarget implements PullLease {
  readonly #lease: PullLease;

  constructor(lease: PullLease) {
    super();
    this.#lease = lease;
  }

  settle(told: Told, pulled: PulledManifest | undefined): Promise<void> {
    return this.#lease.settle(told, pulled);
  }

  [Symbol.dispose](): void {
    this.#lease[Symbol.dispose]();
  }
}
