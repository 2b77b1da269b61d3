import { lru } from 'tiny-lru';
import { within } from '../async.ts';
import type { Pull, PulledManifest } from './counter.ts';

/** How long whoever pulls may keep others waiting. After that, one of them pulls as well. */
const LEASE_MS = 8_000;
/** How long others wait in all: about as long as followers in one isolate do. After that, each pulls for itself. */
export const WAIT_MS = 9_000;
/** What was pulled is told for this time. It is in the store then, or its pull was in vain. */
const TOLD_MS = 300_000;
const MAX_LEASES = 1_000;
const MAX_TOLD = 2_000;

/**
 * How a lease ended: with what was pulled; `refused`, because the origin has answered otherwise; or
 * `lost`, because whoever had it is gone.
 */
type End = PulledManifest | 'refused' | 'lost';

/** The right to pull something while others wait for it. */
export interface OpenLease {
  readonly pull: Pull;
  /** Epoch ms at which it was given. */
  readonly takenAt: number;
  readonly ended: PromiseWithResolvers<End>;
}

/**
 * Who pulls what, over all isolates. It is in memory alone: if that is lost, something is pulled twice, and counted
 * twice.
 */
export class PullLeases {
  readonly #now: () => number;
  readonly #open = new Set<OpenLease>();
  /** What tags and digests have led to a moment ago. */
  readonly #told = lru<{ readonly pulled: PulledManifest; readonly until: number }>(MAX_TOLD);

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many pulls were taken, and are not answered yet. */
  get open(): number {
    return this.#open.size;
  }

  /**
   * Waits while somebody else pulls the same, for `WAIT_MS` at most.
   * @returns the lease; or what others have pulled, which has been stored, or what a tag may lead to
   */
  async take(pull: Pull): Promise<OpenLease | PulledManifest> {
    if (pull.insists) return this.#begin(pull);
    this.#sweep();
    const until = this.#now() + WAIT_MS;
    let hasWaited = false;
    for (;;) {
      const told = this.#find(pull);
      if (told) return told;
      // Nothing is awaited between here and the beginning of the lease, so that only one has it.
      const same = this.#openOf((other) => isSame(other, pull));
      const other = same ?? (hasWaited ? undefined : this.#openOf((each) => mayBeSame(each, pull)));
      if (!other || this.#now() >= until) break;
      const end = await within(other.ended.promise, until - this.#now(), 'late' as const);
      // The origin's refusal holds for whoever asked. All others ask at once, each for itself.
      if (end === 'late' || (end === 'refused' && same)) break;
      if (end !== 'refused' && end !== 'lost' && pull.isTag) return end;
      // Strangers may ask for any number of tags: what is only perhaps the same is waited for once.
      hasWaited ||= !same;
    }
    return this.#begin(pull);
  }

  /** Ends a lease. Who waits for it goes on; so does who waits for another one, if what that pulls is told now. */
  end(lease: OpenLease, end: End): void {
    const isOpen = this.#open.delete(lease);
    if (isOpen) lease.ended.resolve(end);
    if (end === 'refused' || end === 'lost') return;
    const { pull } = lease;
    const told = { pulled: end, until: this.#now() + TOLD_MS };
    for (const each of [pull.reference, end.digest]) this.#told.set(`${pull.name} ${each}`, told);
    // Somebody may have taken its place, because it took long.
    for (const other of this.#open) if (isSame(other.pull, pull)) other.ended.resolve(end);
  }

  #openOf(matches: (pull: Pull) => boolean): OpenLease | undefined {
    for (const lease of this.#open) if (matches(lease.pull)) return lease;
    return undefined;
  }

  #begin(pull: Pull): OpenLease {
    const lease = { pull, takenAt: this.#now(), ended: Promise.withResolvers<End>() };
    // Of more than that, nobody is kept waiting.
    if (this.#open.size < MAX_LEASES) {
      this.#open.add(lease);
      within(lease.ended.promise, LEASE_MS, 'late' as const).then((end) => end === 'late' && this.end(lease, 'lost'));
    }
    return lease;
  }

  /** Ends what was lost: with a request of the platform its timers end, too. */
  #sweep(): void {
    for (const lease of this.#open) if (this.#now() - lease.takenAt >= LEASE_MS) this.end(lease, 'lost');
  }

  #find({ name, reference }: Pull): PulledManifest | undefined {
    const told = this.#told.get(`${name} ${reference}`);
    return told && told.until > this.#now() ? told.pulled : undefined;
  }
}

function isSame(one: Pull, other: Pull): boolean {
  return one.name === other.name && one.reference === other.reference;
}

/** Whether two pulls may be of one manifest: one is of a tag, and the other of a digest, to which it may lead. */
function mayBeSame(one: Pull, other: Pull): boolean {
  return one.name === other.name && one.isTag !== other.isTag;
}
