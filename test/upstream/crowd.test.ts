import { exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { delay } from '../../src/async.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';

/** The origin answers callers with the first credential and refuses those with the second. */
const GRANTED = 'Basic Z3JhbnRlZA==';
const REFUSED = 'Basic cmVmdXNlZA==';

/** What a crowd asks for, and the body that the origin answers with. */
interface Content {
  readonly path: string;
  readonly method: 'HEAD' | 'GET';
  readonly headers: Record<string, string>;
  readonly body: string;
}

const CROWDS: [what: string, size: number, push: () => Promise<Content>][] = [
  [
    'HEADs of a blob',
    500,
    async () => {
      const { path } = await pushBlob();
      return { path, method: 'HEAD', headers: {}, body: '' };
    },
  ],
  [
    'HEADs of a manifest by digest',
    500,
    async () => {
      const { path } = await pushManifest();
      return { path, method: 'HEAD', headers: manifestRequest('HEAD').headers, body: '' };
    },
  ],
  [
    'GETs of a manifest by digest',
    200,
    async () => {
      const { path, bytes } = await pushManifest();
      return { path, method: 'GET', headers: manifestRequest('GET').headers, body: bytes };
    },
  ],
];

/**
 * Asks the Worker itself, in its own runtime: each request has a context of its own, which ends when its client leaves.
 */
function ask({ path, method, headers }: Content, authorization: string, signal?: AbortSignal): Promise<Response> {
  const init = { method, headers: { ...headers, authorization }, ...(signal && { signal }) };
  return exports.default.fetch(new Request(`https://edge.test${path}`, init));
}

const bodyOf = async (response: Response) => new TextDecoder().decode(await response.arrayBuffer());
const callersAtOrigin = async ({ path }: Content) =>
  (await rig.requests(path)).map(({ headers }) => headers.authorization);

beforeAll(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  // The first request loads whatever is loaded lazily.
  await exports.default.fetch('https://edge.test/v2/');
});

describe.each(CROWDS)('a crowd of cold %s', (_what, size, push) => {
  /** Sends the crowd's requests while the origin's answer is held. @returns their answers, and what releases it */
  async function gather(
    content: Content,
    others: (join: (authorization: string) => Promise<Response>) => unknown = () => {},
  ) {
    const holdAs = crypto.randomUUID();
    await rig.rule({ prefix: content.path, unlessAuthorization: GRANTED, status: 401 });
    await rig.rule({ prefix: content.path, holdAs, times: 1 });
    const leaving = new AbortController();
    const first = ask(content, GRANTED, leaving.signal).catch(() => 'left' as const);
    await expect.poll(() => callersAtOrigin(content), { timeout: 5_000 }).toEqual([GRANTED]);
    const rest = Array.from({ length: size - 1 }, () => ask(content, GRANTED));
    await others((authorization) => ask(content, authorization));
    await delay(200);
    return {
      first,
      rest,
      leave: () => leaving.abort(),
      release: () => rig.release(holdAs),
    };
  }

  /** Counts the answers that have status 200 and the expected body. */
  async function countAnswered(rest: Promise<Response>[], { body }: Content) {
    const results = await Promise.all(rest.map(async (answer) => [(await answer).status, await bodyOf(await answer)]));
    return results.filter(([status, text]) => status === 200 && text === body).length;
  }

  it('from one caller causes one question to the origin, and all are answered', { timeout: 20_000 }, async () => {
    const content = await push();
    const { first, rest, release } = await gather(content);
    await release();
    expect(await countAnswered([first as Promise<Response>, ...rest], content)).toBe(size);
    expect(await callersAtOrigin(content)).toEqual([GRANTED]);
  });

  it('is answered even if the client of the first one has left', { timeout: 20_000 }, async () => {
    const content = await push();
    const { first, rest, leave, release } = await gather(content);
    leave();
    expect(await first).toBe('left');
    await delay(200);
    await release();
    expect(await countAnswered(rest, content)).toBe(size - 1);
    expect(await callersAtOrigin(content)).toEqual([GRANTED]);
  });

  it('shares no answer with another credential: a caller whom the origin refuses gets its 401', {
    timeout: 20_000,
  }, async () => {
    const content = await push();
    const refused: Promise<Response>[] = [];
    const { first, rest, release } = await gather(content, (join) => refused.push(join(REFUSED)));
    await release();
    expect(await countAnswered([first as Promise<Response>, ...rest], content)).toBe(size);
    const [answer] = await Promise.all(refused);
    expect([answer?.status, answer?.headers.get('cache-status')]).toEqual([401, null]);
    expect((await callersAtOrigin(content)).sort()).toEqual([GRANTED, REFUSED]);
  });
});
