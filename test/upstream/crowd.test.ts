import { exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { pushBlob, rig } from '../support/push.ts';
import { asking, pushManifest } from '../support/pushManifest.ts';

/** All of the second kind are refused by the origin. */
const GRANTED = 'Basic Z3JhbnRlZA==';
const REFUSED = 'Basic cmVmdXNlZA==';

/** What a crowd asks for: by whom, and what those get whom the origin serves. */
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
      return { path, method: 'HEAD', headers: asking('HEAD').headers, body: '' };
    },
  ],
  [
    'GETs of a manifest by digest',
    200,
    async () => {
      const { path, bytes } = await pushManifest();
      return { path, method: 'GET', headers: asking('GET').headers, body: bytes };
    },
  ],
];

/** The Worker itself, in its own runtime: each request has a context of its own, which ends when its client leaves. */
function ask({ path, method, headers }: Content, authorization: string, signal?: AbortSignal): Promise<Response> {
  const init = { method, headers: { ...headers, authorization }, ...(signal && { signal }) };
  return exports.default.fetch(new Request(`https://edge.test${path}`, init));
}

const passed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const bodyOf = async (response: Response) => new TextDecoder().decode(await response.arrayBuffer());
const askers = async ({ path }: Content) => (await rig.requests(path)).map(({ headers }) => headers.authorization);

beforeAll(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  // What is loaded with the first request is loaded.
  await exports.default.fetch('https://edge.test/v2/');
});

describe.each(CROWDS)('a crowd of cold %s', (_what, size, push) => {
  /** Holds what the origin says until all of the crowd have asked; then lets it go, and gives their answers. */
  async function meet(
    content: Content,
    others: (join: (authorization: string) => Promise<Response>) => unknown = () => {},
  ) {
    const holdAs = crypto.randomUUID();
    await rig.rule({ prefix: content.path, unlessAuthorization: GRANTED, status: 401 });
    await rig.rule({ prefix: content.path, holdAs, times: 1 });
    const leaving = new AbortController();
    const first = ask(content, GRANTED, leaving.signal).catch(() => 'left' as const);
    await expect.poll(() => askers(content), { timeout: 5_000 }).toEqual([GRANTED]);
    const rest = Array.from({ length: size - 1 }, () => ask(content, GRANTED));
    await others((authorization) => ask(content, authorization));
    await passed(200);
    return {
      first,
      rest,
      leave: () => leaving.abort(),
      release: () => rig.release(holdAs),
    };
  }

  /** What each of them got: how often which status and body. */
  async function answersOf(rest: Promise<Response>[], { body }: Content) {
    const told = await Promise.all(rest.map(async (answer) => [(await answer).status, await bodyOf(await answer)]));
    return told.filter(([status, text]) => status === 200 && text === body).length;
  }

  it('by one caller is one question to the origin, and all are answered', { timeout: 20_000 }, async () => {
    const content = await push();
    const { first, rest, release } = await meet(content);
    await release();
    expect(await answersOf([first as Promise<Response>, ...rest], content)).toBe(size);
    expect(await askers(content)).toEqual([GRANTED]);
  });

  it('is answered though the first of it has left', { timeout: 20_000 }, async () => {
    const content = await push();
    const { first, rest, leave, release } = await meet(content);
    leave();
    expect(await first).toBe('left');
    await passed(200);
    await release();
    expect(await answersOf(rest, content)).toBe(size - 1);
    expect(await askers(content)).toEqual([GRANTED]);
  });

  it('lends its answer to no other credential: the one that the origin refuses gets its 401', {
    timeout: 20_000,
  }, async () => {
    const content = await push();
    const refused: Promise<Response>[] = [];
    const { first, rest, release } = await meet(content, (join) => refused.push(join(REFUSED)));
    await release();
    expect(await answersOf([first as Promise<Response>, ...rest], content)).toBe(size);
    const [answer] = await Promise.all(refused);
    expect([answer?.status, answer?.headers.get('cache-status')]).toEqual([401, null]);
    expect((await askers(content)).sort()).toEqual([GRANTED, REFUSED]);
  });
});
