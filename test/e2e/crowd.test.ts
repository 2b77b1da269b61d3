import { once } from 'node:events';
import { type ClientRequest, request as open } from 'node:http';
import { beforeAll, expect, test } from 'vitest';
import { OCI } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, basic, request } from './support/http.ts';
import { type Blob, type Image, makeImage } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { startRegistry, USER } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';
import { push, SUCCESS } from './support/skopeo.ts';

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
];

interface Question {
  readonly method: 'HEAD' | 'GET';
  readonly path: string;
  readonly content: Blob;
}
interface Crowd {
  readonly what: string;
  readonly method: 'HEAD' | 'GET';
  readonly count: number;
}
const CROWDS: readonly Crowd[] = [
  { what: 'concurrent cold GETs of a manifest by digest', method: 'GET', count: 100 },
  { what: 'concurrent cold HEADs of a blob', method: 'HEAD', count: 500 },
];
const [, HEADS] = CROWDS as [Crowd, Crowd];
/** Each of those with a grant looks into the store first, and a store on a busy machine may take too long for more. */
const MOST_GRANTED = 150;

const UNKNOWN = 'a caller not yet known';
const GRANTED = 'a caller with a grant';

/** The first of a crowd, whose question the origin has heard; its answer is kept back. */
interface Leader {
  readonly sending: ClientRequest;
  readonly status: Promise<number | undefined>;
  release(): void;
}

function crowds({ kind, backend, clientAuth }: Setup): void {
  /** Only where the origin is the judge does a credential reach it. */
  const isGuarded = clientAuth === 'origin';
  const caller = isGuarded ? basic(USER.name, USER.password) : {};
  const callers = isGuarded ? [UNKNOWN, GRANTED] : ['anybody'];
  const cases = CROWDS.flatMap((crowd) =>
    callers.map((who) => ({
      ...crowd,
      who,
      count: who === GRANTED ? Math.min(MOST_GRANTED, crowd.count) : crowd.count,
    })),
  );

  let image: Image;
  let proxy: CountingProxy;
  let edge: Edge;
  /** One for each test, all with the same image: nothing of it is known there, nor who may pull it. */
  const unused = Array.from({ length: 12 }, (_, position) => `team/app-${position}`);
  beforeAll(async () => {
    const origin = await startRegistry({ kind, guarded: isGuarded });
    proxy = await startCountingProxy(origin.url);
    // A busy machine's store may need more than the 250 ms after which the origin is asked as well.
    const variables = { CLIENT_AUTH: clientAuth, CACHE_TIMEOUT: '1s' };
    edge = await startEdge({ origin: proxy.url, backend, variables });
    image = await makeImage('crowd', [300, 400, 500]);
    const creds = isGuarded ? `${USER.name}:${USER.password}` : undefined;
    for (const name of unused) {
      expect(await push(image.source, `${origin.host}/${name}:v1`, creds)).toMatchObject(SUCCESS);
    }
  });

  /** All in the same repository, so that only the first may be of a caller not yet known. */
  async function coldQuestions({ method }: Crowd, who: string): Promise<readonly [Question, ...Question[]]> {
    const at = `/v2/${unused.pop()}`;
    if (who === GRANTED) {
      const known = { method: 'HEAD', path: `${at}/blobs/${image.config.digest}`, content: image.config } as const;
      expect((await ask(known)).status).toBe(200);
    }
    if (method === 'GET')
      return [{ method, path: `${at}/manifests/${image.manifest.digest}`, content: image.manifest }];
    const [first, ...others] = image.layers;
    const headOf = (content: Blob): Question => ({ method, path: `${at}/blobs/${content.digest}`, content });
    return [headOf(first), ...(who === UNKNOWN ? [] : others.map(headOf))];
  }

  function ask({ method, path }: Question, headers: Record<string, string> = caller): Promise<Answer> {
    return request(method, edge.url + path, { headers: { accept: OCI.manifest, ...headers } });
  }
  async function lead({ method, path }: Question): Promise<Leader> {
    const held = proxy.holdNext(method, path);
    const headers = { accept: OCI.manifest, ...caller };
    const sending = open(edge.url + path, { method, headers, agent: false });
    const status = once(sending, 'response').then(
      ([response]) => response.resume().statusCode,
      () => undefined,
    );
    sending.end();
    await held.answered;
    return { sending, status, release: held.release };
  }
  /** Others who ask the same, and whom the Worker has heard. */
  async function join(question: Question, count: number): Promise<Promise<Answer>[]> {
    const asked = Array.from({ length: count }, () => ask(question));
    await roundTrip();
    return asked;
  }
  /** When something that needs no origin is answered, what was sent before it has arrived. */
  async function roundTrip(): Promise<void> {
    for (const _ of [1, 2, 3]) expect((await request('GET', `${edge.url}/`)).status).toBe(404);
  }

  /** All get what is right. @returns how often each `Cache-Status` was answered, to be told where something is wrong */
  async function expectAll({ method, content }: Question, asked: readonly Promise<Answer>[]): Promise<string> {
    const told: Record<string, number> = {};
    const decisions: Record<string, number> = {};
    for (const { status, headers, body } of await Promise.all(asked)) {
      const isRight = body.equals(method === 'HEAD' ? Buffer.alloc(0) : content.bytes);
      const what = `${status}, ${headers['content-length']} bytes, the body is ${isRight ? 'right' : 'wrong'}`;
      told[what] = (told[what] ?? 0) + 1;
      const decision = headers['cache-status'] ?? 'none';
      decisions[decision] = (decisions[decision] ?? 0) + 1;
    }
    expect(told).toEqual({ [`200, ${content.bytes.length} bytes, the body is right`]: asked.length });
    return JSON.stringify(decisions);
  }
  function asksOfTheOrigin({ path }: Question): string[] {
    return proxy.requests.filter((asked) => asked.endsWith(` ${path}`));
  }

  test.for(cases)('$count $what by $who: one origin request', async (one) => {
    for (const question of await coldQuestions(one, one.who)) {
      const all = Array.from({ length: one.count }, () => ask(question));
      const decisions = await expectAll(question, all);
      expect(asksOfTheOrigin(question), decisions).toHaveLength(1);
    }
  });

  test.for(cases)(
    '$count $what by $who, the first client leaves: the others get their 200, one origin request',
    async (one) => {
      const [question] = await coldQuestions(one, one.who);
      const { sending, status, release } = await lead(question);
      const before = await join(question, one.count / 2);
      // A reset: after a mere end of what it reads, the Worker would still wait to write.
      sending.socket?.resetAndDestroy();
      expect(await status).toBe(undefined);
      await roundTrip();
      const after = await join(question, one.count / 2 - 1);
      release();
      const decisions = await expectAll(question, [...before, ...after]);
      expect(asksOfTheOrigin(question), decisions).toHaveLength(1);
    },
  );

  if (isGuarded) {
    test(`${HEADS.count} ${HEADS.what}, among them a credential that the origin refuses: 401 at once, 200 for all others`, async () => {
      const [question] = await coldQuestions(HEADS, UNKNOWN);
      const { status, release } = await lead(question);
      const before = await join(question, HEADS.count / 2);
      const refused = await ask(question, basic(USER.name, 'wrong'));
      expect(refused.status).toBe(401);
      expect(refused.headers['www-authenticate']).toContain('Basic');
      for (const name of ['cache-status', 'docker-content-digest']) expect(refused.headers).not.toHaveProperty(name);
      const after = await join(question, HEADS.count / 2 - 1);
      release();
      expect(await status).toBe(200);
      const decisions = await expectAll(question, [...before, ...after]);
      expect(asksOfTheOrigin(question), decisions).toHaveLength(2);
    });
  }
}

describeSetups(['skopeo'], 'many ask the same at the same time', crowds, SETUPS);
