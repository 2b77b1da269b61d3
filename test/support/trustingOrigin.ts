import { vi } from 'vitest';
import type { Digest } from '../../src/oci/digest.ts';

/** Its address; nothing listens there. */
const TRUSTING_ORIGIN = 'https://trusting-origin.test';

/** How it was with a blob at some time. */
export interface Seen {
  readonly hadIt: boolean;
  /** For how long the blob had been gone; 0 also if it went at that very time. */
  readonly goneForMs: number;
  /** Whether the blob has neither come nor gone since. */
  isUnchanged(): boolean;
}

interface OriginOptions {
  readonly now: () => number;
  /** How many turns of the event loop the next request, or its answer, is on its way. */
  readonly nextTurns: () => number;
  /** Whether the origin lets this caller only push. */
  readonly isPushOnly: (authorization: string | null) => boolean;
}

/**
 * A registry of one repository that accepts whatever manifest it is sent. It runs in the tests' own process, so that
 * ten thousand requests take seconds, and it knows since when each blob is gone, by the tests' clock.
 */
export class TrustingOrigin {
  readonly url = TRUSTING_ORIGIN;
  /** The questions for blobs: their digests, in the order in which they arrived. */
  readonly questions: string[] = [];
  /** The manifests that it accepted, and which of their blobs it did not have then. */
  readonly accepted = new Map<string, readonly Digest[]>();
  readonly #options: OriginOptions;
  readonly #sizes = new Map<string, number>();
  readonly #goneSince = new Map<string, number>();
  /** How often each blob came or went. */
  readonly #changes = new Map<string, number>();

  constructor(options: OriginOptions) {
    this.#options = options;
  }

  /** Answers the requests to the origin until `vi.restoreAllMocks`; all others are sent. */
  listen(): void {
    const fetchAsIs = globalThis.fetch;
    vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
      const url = String(input instanceof Request ? input.url : input);
      return url.startsWith(TRUSTING_ORIGIN) ? this.#answer(new URL(url), init ?? {}) : fetchAsIs(input, init);
    });
  }

  has(digest: Digest): boolean {
    return this.#sizes.has(digest);
  }

  /** Remembers how it is with a blob now. */
  look(digest: Digest): Seen {
    const changes = () => this.#changes.get(digest) ?? 0;
    const before = changes();
    const hadIt = this.has(digest);
    // It is gone from the start if it never came.
    const goneForMs = hadIt ? 0 : this.#options.now() - (this.#goneSince.get(digest) ?? 0);
    return { hadIt, goneForMs, isUnchanged: () => changes() === before };
  }

  add(digest: string, size: number): void {
    if (this.#sizes.has(digest)) return;
    this.#sizes.set(digest, size);
    this.#note(digest);
  }

  /** @returns whether the blob was there */
  remove(digest: string): boolean {
    if (!this.#sizes.delete(digest)) return false;
    this.#goneSince.set(digest, this.#options.now());
    this.#note(digest);
    return true;
  }

  #note(digest: string): void {
    this.#changes.set(digest, (this.#changes.get(digest) ?? 0) + 1);
  }

  async #answer(url: URL, { method = 'GET', headers, body }: RequestInit): Promise<Response> {
    const isPushOnly = this.#options.isPushOnly(new Headers(headers).get('authorization'));
    const reference = url.searchParams.get('digest') ?? url.pathname.split('/').at(-1) ?? '';
    const isManifest = url.pathname.includes('/manifests/');
    if (method === 'HEAD' && !isManifest) this.questions.push(reference);
    const bytes = body ? new Uint8Array(await new Response(body).arrayBuffer()) : new Uint8Array();
    await this.#wait();
    const answer = this.#decide(method, { reference, isManifest, isPushOnly, bytes, path: url.pathname });
    await this.#wait();
    return answer;
  }

  #decide(
    method: string,
    sent: { reference: string; path: string; isManifest: boolean; isPushOnly: boolean; bytes: Uint8Array },
  ): Response {
    const { reference, path, isManifest, isPushOnly, bytes } = sent;
    const named = { 'docker-content-digest': reference };
    if (isPushOnly && !['PUT', 'POST'].includes(method)) return new Response(null, { status: 403 });
    if (method === 'PUT' && isManifest) {
      this.accepted.set(reference, this.#missingIn(bytes));
      // From a 202 no manifest is stored: the tests are about blobs.
      return new Response(null, { status: 202, headers: named });
    }
    if (method === 'POST') {
      this.add(reference, bytes.length);
      const location = path.replace('/uploads/', `/${reference}`);
      return new Response(null, { status: 201, headers: { ...named, location } });
    }
    const size = this.#sizes.get(reference);
    if (isManifest || size === undefined) return new Response(null, { status: 404 });
    if (method === 'DELETE') return new Response(null, { status: this.remove(reference) ? 202 : 404 });
    const found = { ...named, 'content-length': String(size), 'content-type': 'application/octet-stream' };
    return new Response(null, { headers: found });
  }

  #missingIn(manifest: Uint8Array): Digest[] {
    const { config, layers } = JSON.parse(new TextDecoder().decode(manifest)) as Named;
    return [config, ...layers].flatMap(({ digest }) => (this.has(digest) ? [] : [digest]));
  }

  async #wait(): Promise<void> {
    for (let turns = this.#options.nextTurns(); turns > 0; turns--) await new Promise((turn) => setImmediate(turn));
  }
}

interface Named {
  readonly config: { readonly digest: Digest };
  readonly layers: readonly { readonly digest: Digest }[];
}
