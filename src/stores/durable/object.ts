import { DurableObject } from 'cloudflare:workers';
import type { Digest } from '../../oci/digest.ts';
import { type Allowance, type PullBudget, type Told, UNKNOWN_BUDGET } from '../../pulls/budget.ts';
import type { Pull, Taken } from '../../pulls/counter.ts';
import { PullLedger } from '../../pulls/ledger.ts';
import type { HistoryTerms, Sight, Sighting } from '../tagHistory.ts';
import { ContentTable } from './contentTable.ts';
import { Entries } from './entries.ts';
import { LeaseTarget } from './leaseTarget.ts';
import { Lifecycle } from './lifecycle.ts';
import { Pointers } from './pointers.ts';
import { PullTable } from './pullTable.ts';
import type {
  Call,
  Clears,
  EntryKeys,
  Looked,
  RepositoryRpc,
  SightingsOf,
  StoredBytes,
  StoredEntry,
  StoredPointer,
  TagVariant,
  Terms,
  Writes,
} from './rpc.ts';
import { Sightings } from './sightings.ts';
import { Tombstones } from './tombstones.ts';
import { WriteQueue } from './writeQueue.ts';

/** The methods that leave nothing in an object that has nothing. */
const REMOVES_ONLY: ReadonlySet<keyof Clears> = new Set(['presentEntries', 'content']);

/**
 * The cache of one repository, a share of the content, or the pulls of an upstream, in one place: every request is one
 * transaction that all isolates see at its reply.
 */
export class RepositoryObject extends DurableObject implements RepositoryRpc {
  readonly #life: Lifecycle;
  readonly #entries: Entries;
  readonly #pointers: Pointers;
  readonly #contents: ContentTable;
  readonly #sightings: Sightings;
  readonly #pulls: PullLedger;
  readonly #writes: Writes;
  readonly #clears: Clears;
  readonly #queue = new WriteQueue(async (run) => {
    await this.#life.transaction(run);
    await this.ctx.storage.sync();
  });

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const now = () => this.now();
    const sql = state.storage.sql;
    const life = new Lifecycle({ storage: state.storage, now, reload: () => tombstones.reload() });
    const tombstones = new Tombstones(sql, !life.hasTables);
    const entries = new Entries(sql, tombstones, now);
    const pointers = new Pointers(sql, tombstones, entries, now);
    const contents = new ContentTable(sql, now);
    this.#life = life;
    this.#entries = entries;
    this.#pointers = pointers;
    this.#contents = contents;
    this.#sightings = new Sightings(sql, now);
    const pulls = new PullTable(sql, now);
    this.#pulls = new PullLedger(
      {
        load: () => (life.hasTables ? pulls.load() : UNKNOWN_BUDGET),
        save: (budget) => pulls.save(budget),
        commit: (work) => life.transaction(work),
      },
      now,
    );
    this.#writes = {
      entry: (keys, entry) => entries.write(keys, entry),
      pointer: (terms, key, pointer) => pointers.write(terms, key, pointer),
      note: (terms, tag, pointer, isMoved) => pointers.note(terms, tag, pointer, isMoved),
      content: (digest, content, lifeMs) => contents.write(digest, content, lifeMs),
    };
    this.#clears = {
      mark: (keys, clearing) => entries.mark(keys, clearing),
      entries: (keys, clearing) => entries.clear(keys, clearing),
      presentEntries: (keys, clearing) => entries.clearPresent(keys, clearing),
      allEntries: (terms, clearing, most) => entries.clearAll(terms, clearing, most),
      tags: (terms, tags, clearing) => pointers.clear(terms, tags, clearing),
      allTags: (terms, clearing) => pointers.clearAll(terms, clearing),
      content: (digest) => contents.remove(digest),
    };
  }

  /** The object's own clock (epoch ms). */
  protected now(): number {
    return Date.now();
  }

  async readEntries(keys: EntryKeys): Promise<Looked<StoredEntry[]>> {
    const nothing = () => keys.digests.map(() => ({ entry: undefined, clearedUntil: 0 }));
    return { rows: this.#life.hasTables ? this.#entries.read(keys) : nothing(), lookedAt: this.now() };
  }

  async listEntries(terms: Terms & Pick<EntryKeys, 'links'>, after: string, most: number): Promise<string[]> {
    return this.#life.hasTables ? this.#entries.list(terms, after, most) : [];
  }

  async readPointers(terms: Terms, keys: readonly TagVariant[]): Promise<Looked<StoredPointer[]>> {
    const nothing = () => keys.map(() => ({ pointer: undefined, clearedUntil: 0, manifest: undefined }));
    return { rows: this.#life.hasTables ? this.#pointers.read(terms, keys) : nothing(), lookedAt: this.now() };
  }

  async readContent(digest: string): Promise<StoredBytes | undefined> {
    return this.#life.hasTables ? this.#contents.read(digest) : undefined;
  }

  async see(terms: HistoryTerms, tag: string, sight: Sight): Promise<Sighting[]> {
    const known = this.#life.hasTables ? this.#sightings.confirm(terms, tag, sight) : undefined;
    return known ?? this.#life.transaction(() => this.#sightings.see(terms, tag, sight));
  }

  async miss(tag: string, at: number): Promise<void> {
    if (this.#life.hasTables && this.#sightings.isMissed(tag, at))
      await this.#life.transaction(() => this.#sightings.miss(tag));
  }

  async readSightings(of: SightingsOf): Promise<Sighting[]> {
    if (!this.#life.hasTables) return [];
    return 'tag' in of ? this.#sightings.read(of.tag) : this.#sightings.ofDigest(of.digest);
  }

  async release(terms: HistoryTerms, tag: string, digest: Digest): Promise<void> {
    await this.#life.transaction(() => this.#sightings.release(terms, tag, digest));
  }

  write(calls: readonly Call<Writes>[]): Promise<unknown[]> {
    return this.#queue.add(() => calls.map((call) => run(this.#writes, call)));
  }

  async clear(calls: readonly Call<Clears>[]): Promise<unknown[]> {
    if (!this.#life.hasTables && calls.every(([name]) => REMOVES_ONLY.has(name))) return calls.map(() => []);
    return this.#life.transaction(() => calls.map((call) => run(this.#clears, call)));
  }

  async takePull(declared: Allowance | undefined, pull: Pull): Promise<Taken> {
    const taken = await this.#pulls.take(declared, pull);
    return taken.kind === 'granted' ? { ...taken, lease: new LeaseTarget(taken.lease) } : taken;
  }

  tellPulls(declared: Allowance | undefined, told: Told, counted: number): Promise<void> {
    return this.#pulls.tell(declared, told, counted);
  }

  async readPulls(declared: Allowance | undefined): Promise<PullBudget> {
    return this.#pulls.read(declared);
  }

  override alarm(): Promise<void> {
    return this.#life.sweep();
  }
}

function run<M>(methods: M, [name, ...args]: Call<M>): unknown {
  return (methods[name] as (...args: unknown[]) => unknown)(...args);
}
