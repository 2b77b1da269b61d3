import { expect } from 'vitest';
import { type Content, image } from './contents.ts';
import type { Edge } from './edge.ts';
import { isHit } from './hits.ts';
import { type Answer, head } from './http.ts';
import { makeBlob } from './image.ts';
import { until } from './until.ts';

export const NAME = 'team/app';
export const EVENTS_PATH = '/_edge/events';
/** The `EVENTS_TOKEN` of the edges. */
export const TOKEN = 'events-token-of-the-e2e-tests';
/** Without an event, an entry lasts longer than any test. */
export const LONG_TTLS = { DESCRIPTOR_TTL: '1h', PUSH_EXISTENCE_TTL: '1h', TAG_TTL: '1h', LIST_TTL: '1h' } as const;
/** Within this time an event has to arrive and take effect. */
export const LIMIT_MS = 2_000;

/** The tests push all of these, by these tags, before they ask: for a while after a push the edge caches no tag. */
export const CONTENTS = {
  deleted: image('deleted'),
  before: image('before'),
  after: image('after'),
  untagged: image('untagged'),
  untouched: image('untouched'),
} satisfies Record<string, Content>;
export const BLOB = makeBlob('a blob', 4_321);

export function pathOf(reference: string, links = 'manifests'): string {
  return `/v2/${NAME}/${links}/${reference}`;
}

export function ask({ url }: { readonly url: string }, path: string): Promise<Answer> {
  return head(url + path, { accept: CONTENTS.untouched.mediaType });
}

/** Asks until the edge answers from the cache. */
export async function untilHit(edge: Edge, path: string): Promise<void> {
  await until(`the edge answers ${path} from the cache`, async () => {
    const answer = await ask(edge, path);
    expect(answer.status).toBe(200);
    return isHit(answer);
  });
}
