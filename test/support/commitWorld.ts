import { expect } from 'vitest';
import type { Digest } from '../../src/oci/digest.ts';
import { type Caller, createCallers, PUSH_ONLY } from './callers.ts';
import { LAYER_TYPE } from './commit.ts';
import { type Clock, createClock } from './context.ts';
import { uniqueName } from './digests.ts';
import { createEdge, type Edge, type EdgeOptions } from './edge.ts';
import { sha256 } from './push.ts';
import { OCI_MANIFEST } from './pushManifest.ts';
import type { Tally } from './tally.ts';
import { type Issuer, verifying } from './tokens.ts';
import { TrustingOrigin } from './trustingOrigin.ts';
import { putOf, withLength } from './uploading.ts';

/** `PUSH_STALE_WHILE_REVALIDATE` */
const STALE_MS = 86_400_000;

export interface WorldOptions {
  readonly variables: Record<string, string>;
  /** The options of one of the two edges. */
  readonly optionsOf: (clock: Clock, edge: number) => EdgeOptions;
  /** `PUSH_EXISTENCE_TTL` */
  readonly windowMs: number;
  /** The edges verify its tokens. */
  readonly issuer: Issuer;
  readonly nextTurns: () => number;
  readonly tally: Tally;
}

interface Blob {
  readonly digest: Digest;
  readonly bytes: string;
}

/** Two edges before one store and a registry that trusts every manifest, in one repository. */
export class CommitWorld {
  readonly clock = createClock(Date.now());
  readonly name = uniqueName();
  readonly #options: WorldOptions;
  readonly #origin: TrustingOrigin;
  readonly #edgeOptions: readonly EdgeOptions[];
  readonly #edges: Edge[];
  readonly #blobs: Blob[] = [];
  /** Settle when the work after the replies has ended. */
  #after: Promise<void>[] = [];
  #authorizationOf: (caller: Caller) => string = () => '';

  constructor(options: WorldOptions) {
    this.#options = options;
    const isPushOnly = (authorization: string | null) => authorization === PUSH_ONLY;
    this.#origin = new TrustingOrigin({ now: this.clock.now, nextTurns: options.nextTurns, isPushOnly });
    this.#edgeOptions = [0, 1].map((edge) => ({ clock: this.clock, ...options.optionsOf(this.clock, edge) }));
    this.#edges = this.#edgeOptions.map((_, edge) => this.#start(edge));
  }

  get originUrl(): string {
    return this.#origin.url;
  }

  /** Begins: the origin has so many blobs. */
  async fill(blobs: number): Promise<void> {
    this.#origin.listen();
    this.#authorizationOf = await createCallers(this.#options.issuer, this.name);
    for (let n = 0; n < blobs; n++) {
      const bytes = `${this.name} ${n}`;
      this.#blobs.push({ bytes, digest: await sha256(bytes) });
      this.appear(n);
    }
  }

  digest(blob: number): string {
    return this.#blob(blob).digest;
  }

  /** The origin receives or loses a blob behind the edges' back. */
  appear(blob: number): void {
    const { digest, bytes } = this.#blob(blob);
    this.#origin.add(digest, bytes.length);
  }
  collect(blob: number): void {
    this.#origin.remove(this.#blob(blob).digest);
  }

  /** An isolate ends, and another one takes its place. */
  restart(edge: number): void {
    this.#edges[edge] = this.#start(edge);
  }

  /** Waits until all work after the replies has ended. */
  async settle(): Promise<void> {
    while (this.#after.length > 0) await Promise.all(this.#after.splice(0));
  }

  authorizationOf(caller: Caller): string {
    return this.#authorizationOf(caller);
  }

  /** A HEAD may lie, but not for longer than the cache may answer. @returns its status */
  async head(edge: number, blob: number, authorization: string): Promise<number> {
    const { digest } = this.#blob(blob);
    const seen = this.#origin.look(digest);
    const { status } = await this.#send(edge, `blobs/${digest}`, { method: 'HEAD', headers: { authorization } });
    expect(authorization === PUSH_ONLY ? [403] : [200, 404]).toContain(status);
    if (status !== 200 || seen.hadIt || !seen.isUnchanged()) return status;
    expect(seen.goneForMs).toBeLessThan(this.#options.windowMs + STALE_MS);
    this.#options.tally.lies += 1;
    if (seen.goneForMs >= this.#options.windowMs) this.#options.tally.lateLies += 1;
    return status;
  }

  async upload(edge: number, blob: number, authorization: string, hasLength = true): Promise<void> {
    const { digest, bytes } = this.#blob(blob);
    const sent = hasLength ? withLength(bytes, { authorization }) : { body: bytes, headers: { authorization } };
    const { status } = await this.#send(edge, `blobs/uploads/?digest=${digest}`, { method: 'POST', ...sent });
    expect(status).toBe(201);
  }

  async delete(edge: number, blob: number): Promise<void> {
    const headers = { authorization: 'Basic deleter' };
    const { status } = await this.#send(edge, `blobs/${this.#blob(blob).digest}`, { method: 'DELETE', headers });
    expect([202, 404]).toContain(status);
  }

  /**
   * Pushes a manifest. None gets through that names a blob which has been gone for `PUSH_EXISTENCE_TTL`, and none is
   * refused all of whose blobs exist.
   * @returns the digests that the refusal names; `undefined` if the manifest was accepted
   */
  async put(edge: number, blobs: readonly number[], authorization: string): Promise<Digest[] | undefined> {
    const [origin, { windowMs, tally }] = [this.#origin, this.#options];
    const named = blobs.map((blob) => this.#blob(blob));
    const seen = new Map(named.map(({ digest }) => [digest, origin.look(digest)]));
    const manifest = { bytes: manifestNaming(named), mediaType: OCI_MANIFEST };
    const reference = await sha256(manifest.bytes);
    const answer = await this.#send(edge, `manifests/${reference}`, putOf(manifest, { authorization }));
    if (answer.status === 400) {
      const { errors } = (await answer.json()) as { errors: { code: string; detail: string }[] };
      const refused = errors.map(({ detail }) => detail as Digest);
      expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['MANIFEST_BLOB_UNKNOWN']));
      expect(refused.filter((digest) => seen.get(digest)?.hadIt && seen.get(digest)?.isUnchanged())).toEqual([]);
      expect(origin.accepted.has(reference)).toBe(false);
      tally.refused += 1;
      return refused;
    }
    expect(answer.status).toBe(202);
    tally.accepted += 1;
    const missing = origin.accepted.get(reference) ?? [];
    if (missing.length === 0 || authorization === PUSH_ONLY) return undefined;
    tally.broken += 1;
    for (const digest of missing) {
      // A blob that came and went meanwhile existed after the push began.
      if (seen.get(digest)?.isUnchanged()) expect(seen.get(digest)?.goneForMs).toBeLessThan(windowMs);
    }
    return undefined;
  }

  /**
   * Pushes a manifest while nothing else happens: no blob is asked for twice, and a refused push works when it is
   * repeated through the same edge, as clients do.
   */
  async putAlone(edge: number, blobs: readonly number[], authorization: string): Promise<void> {
    const before = this.#origin.questions.length;
    const refused = await this.put(edge, blobs, authorization);
    const asked = this.#origin.questions.slice(before);
    expect(asked.length).toBe(new Set(asked).size);
    if (!refused) return;
    for (const blob of blobs) {
      const status = await this.head(edge, blob, authorization);
      if (refused.includes(this.#blob(blob).digest)) expect(status).toBe(404);
      if (status === 404) await this.upload(edge, blob, authorization);
    }
    expect(await this.put(edge, blobs, authorization)).toBeUndefined();
    this.#options.tally.repeated += 1;
  }

  #blob(blob: number): Blob {
    return this.#blobs[blob] as Blob;
  }

  #start(edge: number): Edge {
    const { variables, issuer, windowMs } = this.#options;
    const ttls = { PUSH_EXISTENCE_TTL: `${windowMs}ms`, PUSH_STALE_WHILE_REVALIDATE: `${STALE_MS}ms` };
    return createEdge(
      verifying(issuer, { ...variables, ...ttls, ORIGIN_URL: this.#origin.url }),
      this.#edgeOptions[edge],
    );
  }

  async #send(edge: number, path: string, init: RequestInit): Promise<Response> {
    const { answer, over } = (this.#edges[edge] as Edge).send(`/v2/${this.name}/${path}`, init);
    this.#after.push(over);
    return answer;
  }
}

function manifestNaming(blobs: readonly Blob[]): string {
  const [config, ...layers] = blobs.map(({ digest, bytes }) => ({ mediaType: LAYER_TYPE, digest, size: bytes.length }));
  const annotations = { id: crypto.randomUUID() };
  return JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers, annotations });
}
