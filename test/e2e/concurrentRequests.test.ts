import { once } from 'node:events';
import { type ClientRequest, request as open } from 'node:http';
import { beforeAll, expect, test } from 'vitest';
import { OCI } from './support/contents.ts';
import { type Edge, PATIENT } from './support/edge.ts';
import { type Answer, basic, request } from './support/http.ts';
import { type Blob, type Image, makeImage } from './support/image.ts';
import type { CountingProxy } from './support/proxy.ts';
import { USER, USER_CREDS, USER_HEADERS } from './support/registry.ts';
import { describeSetups, type Setup, startChain } from './support/setups.ts';
import { expectPush } from './support/skopeo.ts';

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'durable', clientAuth: 'origin' },
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
/** A HEAD with a grant reads the store first, and on a busy machine the store may be too slow for more of them. */
const MAX_GRANTED = 150;

const UNPROVEN = 'a caller without a grant';
const GRANTED = 'a caller with a grant';

/** The first request of a crowd, which the origin has answered; the proxy holds the answer back. */
interface Leader {
  readonly sending: ClientRequest;
  readonly status: Promise<number | undefined>;
  release(): void;
}

function crowds({ kind, backend, clientAuth }: Setup): void {
  /** Only with `CLIENT_AUTH=origin` does a credential reach the origin. */
  const isGuarded = clientAuth === 'origin';
  const caller = isGuarded ? USER_HEADERS : {};
  const callers = isGuarded ? [UNPROVEN, GRANTED] : ['anybody'];
  const cases = CROWDS.flatMap((crowd) =>
    callers.map((who) => ({
      ...crowd,
      who,
      count: who === GRANTED ? Math.min(MAX_GRANTED, crowd.count) : crowd.count,
    })),
  );

  let image: Image;
  let proxy: CountingProxy;
  let edge: Edge;
  /** Repositories with the same image, one for each test: nothing of them is cached, and no caller has a grant. */
  const unusedNames = Array.from({ length: 12 }, (_, position) => `team/app-${position}`);
  beforeAll(async () => {
    const variables = { CLIENT_AUTH: clientAuth, ...PATIENT };
    const chain = await startChain({ backend, variables }, { kind, guarded: isGuarded });
    ({ proxy, edge } = chain);
    image = await makeImage('crowd', [300, 400, 500]);
    const creds = isGuarded ? USER_CREDS : undefined;
    for (const name of unusedNames) await expectPush(image, `${chain.origin.host}/${name}:v1`, creds);
  });

  /** Questions in one repository, of which only the first can come from a caller without a grant. */
  async function coldQuestions({ method }: Crowd, who: string): Promise<readonly [Question, ...Question[]]> {
    const repository = `/v2/${unusedNames.pop()}`;
    if (who === GRANTED) {
      const { config } = image;
      const proof = { method: 'HEAD', path: `${repository}/blobs/${config.digest}`, content: config } as const;
      expect((await ask(proof)).status).toBe(200);
    }
    if (method === 'GET') {
      return [{ method, path: `${repository}/manifests/${image.manifest.digest}`, content: image.manifest }];
    }
    const [first, ...others] = image.layers;
    const headOf = (content: Blob): Question => ({ method, path: `${repository}/blobs/${content.digest}`, content });
    return [headOf(first), ...(who === UNPROVEN ? [] : others.map(headOf))];
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
  /** Sends further requests of the same question, and waits until the Worker has received them. */
  async function follow(question: Question, count: number): Promise<Promise<Answer>[]> {
    const answers = Array.from({ length: count }, () => ask(question));
    await roundTrip();
    return answers;
  }
  /** Waits until a request that needs no origin is answered: by then, what was sent before it has arrived. */
  async function roundTrip(): Promise<void> {
    for (const _ of [1, 2, 3]) expect((await request('GET', `${edge.url}/`)).status).toBe(404);
  }

  /** Expects every answer to be right. @returns the count of each `Cache-Status`, for the messages of failures */
  async function expectAll({ method, content }: Question, answers: readonly Promise<Answer>[]): Promise<string> {
    const counts: Record<string, number> = {};
    const decisions: Record<string, number> = {};
    for (const { status, headers, body } of await Promise.all(answers)) {
      const isRight = body.equals(method === 'HEAD' ? Buffer.alloc(0) : content.bytes);
      const what = `${status}, ${headers['content-length']} bytes, the body is ${isRight ? 'right' : 'wrong'}`;
      counts[what] = (counts[what] ?? 0) + 1;
      const decision = headers['cache-status'] ?? 'none';
      decisions[decision] = (decisions[decision] ?? 0) + 1;
    }
    expect(counts).toEqual({ [`200, ${content.bytes.length} bytes, the body is right`]: answers.length });
    return JSON.stringify(decisions);
  }
  function originRequests({ path }: Question): string[] {
    return proxy.requests.filter((sent) => sent.endsWith(` ${path}`));
  }

  test.for(cases)('$count $what by $who: one origin request', async (crowd) => {
    for (const question of await coldQuestions(crowd, crowd.who)) {
      const answers = Array.from({ length: crowd.count }, () => ask(question));
      const decisions = await expectAll(question, answers);
      expect(originRequests(question), decisions).toHaveLength(1);
    }
  });

  test.for(cases)(
    '$count $what by $who, the first of whom leaves: 200 for all others, one origin request',
    async (crowd) => {
      const [question] = await coldQuestions(crowd, crowd.who);
      const { sending, status, release } = await lead(question);
      const before = await follow(question, crowd.count / 2);
      // The client has to reset the connection: if it merely ended its side, the Worker would still answer.
      sending.socket?.resetAndDestroy();
      expect(await status).toBe(undefined);
      await roundTrip();
      const after = await follow(question, crowd.count / 2 - 1);
      release();
      const decisions = await expectAll(question, [...before, ...after]);
      expect(originRequests(question), decisions).toHaveLength(1);
    },
  );

  if (isGuarded) {
    test(`${HEADS.count} ${HEADS.what}, one of them with a credential that the origin refuses: 401 at once, 200 for all others`, async () => {
      const [question] = await coldQuestions(HEADS, UNPROVEN);
      const { status, release } = await lead(question);
      const before = await follow(question, HEADS.count / 2);
      const refused = await ask(question, basic(USER.name, 'wrong'));
      expect(refused.status).toBe(401);
      expect(refused.headers['www-authenticate']).toContain('Basic');
      for (const name of ['cache-status', 'docker-content-digest']) expect(refused.headers).not.toHaveProperty(name);
      const after = await follow(question, HEADS.count / 2 - 1);
      release();
      expect(await status).toBe(200);
      const decisions = await expectAll(question, [...before, ...after]);
      expect(originRequests(question), decisions).toHaveLength(2);
    });
  }
}

describeSetups(['skopeo'], 'many equal requests at the same time', crowds, SETUPS);
