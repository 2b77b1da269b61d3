import type { Blob } from '../image.ts';
import type { Dice } from './dice.ts';
import type { Pool, PooledManifest } from './pool.ts';

/** An upload that may be open. */
export interface OpenSession {
  readonly session: number;
  readonly name: string;
  /** What its client uploads. */
  readonly blob: Blob;
  /** How many of the blob's bytes were sent. */
  sent: number;
}

/** So many sessions are open at most; an older one is left as clients leave them. */
const MAX_SESSIONS = 5;
/** More than are opened with one pool. */
const MAX_OPENED = 10_000;
/** The share of questions about content that may exist. */
const EXISTING = 0.8;

/**
 * What a registry may hold after the requests so far. It need not be right: it only makes most requests meaningful. No
 * answer is held against it.
 */
export class Model {
  readonly sessions: OpenSession[] = [];
  readonly #dice: Dice;
  readonly #pool: Pool;
  readonly #present = new Set<string>();
  #opened: number;

  /** @param age makes the numbers of its sessions its own */
  constructor(dice: Dice, pool: Pool, age: number) {
    this.#dice = dice;
    this.#pool = pool;
    this.#opened = age * MAX_OPENED;
  }

  /** Picks a repository and a blob, mostly one that it may have. */
  someBlob(): { readonly name: string; readonly blob: Blob } {
    const { names, blobs } = this.#pool;
    const all = names.flatMap((name) => blobs.map((blob) => ({ name, blob, key: keyOf(name, blob.digest) })));
    return this.#mostlyPresent(all);
  }

  /** Picks a repository and a manifest, mostly one that it may have. */
  someManifest(): { readonly name: string; readonly content: PooledManifest } {
    const { names, manifests } = this.#pool;
    const all = names.flatMap((name) =>
      manifests.map((content) => ({ name, content, key: keyOf(name, content.manifest.digest) })),
    );
    return this.#mostlyPresent(all);
  }

  /** Picks a repository and a tag, mostly one that it may have. */
  someTag(): { readonly name: string; readonly tag: string } {
    const { names, tags } = this.#pool;
    return this.#mostlyPresent(names.flatMap((name) => tags.map((tag) => ({ name, tag, key: keyOf(name, tag) }))));
  }

  /** @param what a digest or a tag */
  has(name: string, what: string): boolean {
    return this.#present.has(keyOf(name, what));
  }

  add(name: string, what: string): void {
    this.#present.add(keyOf(name, what));
  }

  remove(name: string, what: string): void {
    this.#present.delete(keyOf(name, what));
  }

  open(name: string, blob: Blob): OpenSession {
    const session = { session: this.#opened++, name, blob, sent: 0 };
    this.sessions.push(session);
    if (this.sessions.length > MAX_SESSIONS) this.sessions.shift();
    return session;
  }

  close(session: OpenSession): void {
    const at = this.sessions.indexOf(session);
    if (at >= 0) this.sessions.splice(at, 1);
  }

  #mostlyPresent<T extends { readonly key: string }>(all: readonly T[]): T {
    const present = all.filter(({ key }) => this.#present.has(key));
    const from = present.length > 0 && this.#dice.chance(EXISTING) ? present : all;
    return this.#dice.pick(from) as T;
  }
}

function keyOf(name: string, what: string): string {
  return `${name} ${what}`;
}
