import { expect } from 'vitest';
import { type Content, image, index, publish } from './contents.ts';
import type { Edge } from './edge.ts';
import { isHit } from './hits.ts';
import { type Answer, request } from './http.ts';
import type { Blob } from './image.ts';
import type { Registry } from './registry.ts';
import { until } from './until.ts';

export const NAME = 'team/app';
const IMAGE = image('image');
const INDEX = index('index');
export const LAYER = IMAGE.blobs[1] as Blob;
export const CONTENTS = [
  { what: 'an image', tag: 'image', content: IMAGE },
  { what: 'an index', tag: 'index', content: INDEX },
] as const;

/** A HEAD and a GET of each content, by tag and by digest. */
export const QUESTIONS: readonly Question[] = CONTENTS.flatMap(({ what, tag, content }) =>
  [tag, content.manifest.digest].flatMap((reference) =>
    ['HEAD', 'GET'].map((method) => {
      const title = `${method} of ${what} by ${reference === tag ? 'tag' : 'digest'}`;
      return { title, method, path: `/v2/${NAME}/manifests/${reference}`, content };
    }),
  ),
);
export interface Question {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly content: Content;
}

export function ask({ url }: { readonly url: string }, { method, path, content }: Question): Promise<Answer> {
  return request(method, url + path, { headers: { accept: content.mediaType } });
}

/** Expects the manifest, whole and under its own headers, with this `Cache-Status`. */
export function expectManifest(answer: Answer, { method, content }: Question, cacheStatus: string): void {
  const { manifest, mediaType } = content;
  const { status, headers, body } = answer;
  expect([status, headers['cache-status']]).toEqual([200, cacheStatus]);
  expect(headers).toMatchObject({
    'content-length': String(manifest.bytes.length),
    'content-type': mediaType,
    'docker-content-digest': manifest.digest,
  });
  expect(body.equals(method === 'HEAD' ? Buffer.alloc(0) : manifest.bytes)).toBe(true);
}

/**
 * Expects an error in the form of the distribution specification.
 * @param code the edge's own; by default any, since the origin may choose it
 */
export function expectFailure(
  { status, headers, body }: Answer,
  method: string,
  expected: number,
  code?: string,
): void {
  expect([status, headers['content-type']]).toEqual([expected, 'application/json']);
  const error = { code: code ?? expect.stringMatching(/^[A-Z]+$/), message: expect.any(String) };
  if (method === 'HEAD') expect(body.length).toBe(0);
  else expect(JSON.parse(body.toString())).toEqual({ errors: [error] });
}

/** Puts all contents into a registry, each under its tag. */
export async function publishAll({ url }: Registry): Promise<void> {
  for (const { content, tag } of CONTENTS) await publish(url, NAME, content, tag);
}

/** Asks until the cached entry is stale. @returns the first answer that is no hit */
export function askUntilStale(edge: Edge, question: Question): Promise<Answer> {
  return until('the cached entry is stale', async () => {
    const answer = await ask(edge, question);
    return !isHit(answer) && answer;
  });
}
