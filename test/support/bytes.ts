import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import type { BlobBucket } from '../../src/bytes/r2.ts';
import { createEdge, type Edge, type EdgeOptions } from './edge.ts';
import { type Pushed, pushBlob } from './push.ts';

/** A whole answer: its body is read, and the work after the reply is over. */
export interface Pulled {
  readonly response: Response;
  readonly status: number;
  /** The body as text; `broken` where it broke off. */
  readonly text: string | 'broken';
}

/** Sends a GET and reads the answer as a client would: a fill runs at the pace of the one who reads. */
export async function pull(edge: Edge, path: string, headers: Record<string, string> = {}): Promise<Pulled> {
  const { answer, over } = edge.send(path, { headers, redirect: 'manual' });
  const response = await answer;
  const text = await response.arrayBuffer().then(
    (bytes) => new TextDecoder().decode(bytes),
    () => 'broken',
  );
  await over;
  return { response, status: response.status, text };
}

type Operation = keyof BlobBucket;

export interface MeteredBucket {
  readonly bucket: BlobBucket;
  /** Returns the operations since the last call, in their order. */
  spent(): Operation[];
}

/** The bucket of the tests, with a record of what is asked of it, and some of its methods replaced. */
export function meteredBucket(replaced: Partial<BlobBucket> = {}): MeteredBucket {
  let operations: Operation[] = [];
  const real = env.BLOBS as unknown as BlobBucket;
  const note = <O extends Operation>(operation: O): BlobBucket[O] => {
    const method = (replaced[operation] ?? real[operation].bind(real)) as (...args: unknown[]) => unknown;
    return ((...args: unknown[]) => {
      operations.push(operation);
      return method(...args);
    }) as BlobBucket[O];
  };
  return {
    bucket: {
      head: note('head'),
      get: note('get'),
      put: note('put'),
      delete: note('delete'),
      createMultipartUpload: note('createMultipartUpload'),
    },
    spent() {
      const spent = operations;
      operations = [];
      return spent;
    },
  };
}

/** Creates an edge that keeps bytes in the bucket of the tests. */
export function createBytesEdge(variables: Record<string, string> = {}, options: EdgeOptions = {}): Edge {
  return createEdge({ BLOB_STORE: 'r2', ...variables }, options);
}

/** The variables of an open mirror, where everybody only pulls. */
export const MIRROR = { CLIENT_AUTH: 'anonymous' };

/** Returns text of about so many bytes that is like no other. */
export function someBytes(length = 100_000): string {
  return crypto
    .randomUUID()
    .repeat(Math.ceil(length / 36))
    .slice(0, length);
}

/** An edge whose bucket and cache have a blob. */
export interface WarmBytes extends MeteredBucket {
  readonly edge: Edge;
  /** It has been pulled once. */
  readonly blob: Pushed;
}

export const WARM_SIZE = 100_000;

/** Pushes a blob that an edge has answered once, so that the bucket and the cache have it. */
export async function createWarm(variables: Record<string, string> = MIRROR): Promise<WarmBytes> {
  const { bucket, spent } = meteredBucket();
  const edge = createBytesEdge(variables, { bucket });
  const blob = await pushBlob(someBytes(WARM_SIZE));
  expect(await pull(edge, blob.path)).toMatchObject({ status: 200, text: blob.bytes });
  expect([spent(), await blob.questions()]).toEqual([['get', 'put'], [`GET ${blob.path}`]]);
  return { edge, blob, bucket, spent };
}

/** Returns what the origin was asked since `before` questions, by method. */
export async function methodsSince(blob: Pushed, before: number): Promise<string[]> {
  return (await blob.questions()).slice(before).map((question) => question.slice(0, question.indexOf(' ')));
}

/** Whether the bucket has a blob. */
export async function isStored({ digest }: { readonly digest: string }): Promise<boolean> {
  return (await env.BLOBS.head(`blobs/${digest.replace(':', '/')}`)) !== null;
}

/** Returns how the fills of an edge ended, in their order. */
export function fillsOf({ log }: Edge): string[] {
  const events = log.map((line) => JSON.parse(line) as Record<string, string>);
  return events.flatMap(({ kind, outcome = '' }) => (kind === 'fill' ? [outcome] : []));
}
