import { decodeJwt } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createClock } from '../support/context.ts';
import { demandToken } from '../support/demandToken.ts';
import { createEdge } from '../support/edge.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { createScriptedServer, type Script } from '../support/scripted.ts';

const HEAD = { method: 'HEAD' };
const HOUR_MS = 3_600_000;
const PASSWORD = btoa('AWS:a-long-password');

afterEach(() => {
  vi.restoreAllMocks();
});

const demandLogin = ({ name }: Pushed, authorization: string) =>
  rig.rule({
    ...{ prefix: `/v2/${name}/`, unlessAuthorization: authorization, status: 401, body: '{}' },
    headers: { 'www-authenticate': 'Basic realm="origin"' },
  });

const ecrVariables = ({ name }: Pushed, { url }: { readonly url: string }) => ({
  ...{ CLIENT_AUTH: 'anonymous', ORIGIN_ACCOUNT: 'ecr', ALLOW_REPOSITORIES: name, DESCRIPTOR_TTL: '0' },
  ...{ AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'a-secret', AWS_REGION: 'eu-central-1' },
  AWS_ENDPOINT_URL: url,
});

/** A repository that only a user of AWS may see, and an edge with such an account. */
async function setUpEcr(script: Script = {}, accepted = `Basic ${PASSWORD}`) {
  const [clock, blobs] = [createClock(Date.now()), [await pushBlob()]];
  const [blob] = blobs as [Pushed];
  const expiresAt = (clock.now() + HOUR_MS) / 1_000;
  const body = JSON.stringify({ authorizationData: [{ authorizationToken: PASSWORD, expiresAt, proxyEndpoint: 'x' }] });
  const aws = createScriptedServer({ body, ...script });
  await demandLogin(blob, accepted);
  const edge = createEdge(ecrVariables(blob, aws), { clock });
  const status = async () => (await edge.fetch(blob.path, HEAD)).status;
  return { edge, clock, aws, blob, status };
}

/** Returns a `fetch` that gives another password in place of AWS. */
function interceptAws(url: string, given: object): typeof fetch {
  const send = globalThis.fetch;
  return async (input, init) => {
    const isAws = (input instanceof Request ? input.url : String(input)).startsWith(url);
    return isAws ? Response.json({ authorizationData: [given] }) : send(input, init);
  };
}

describe('ORIGIN_ACCOUNT=ecr', () => {
  it('fetches the password with a signed request, once for all', async () => {
    const { aws, status } = await setUpEcr();
    expect(await Promise.all([status(), status(), status()])).toEqual([200, 200, 200]);
    expect(await status()).toBe(200);
    const [call, ...others] = await aws.calls();
    expect(others).toEqual([]);
    expect(call?.method).toBe('POST');
    expect(call?.headers).toMatchObject({
      'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
      'content-type': 'application/x-amz-json-1.1',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/ecr\/aws4_request, /,
      ),
    });
    expect(JSON.stringify(call)).not.toContain('a-secret');
  });

  it('renews it before it ends, without a request that waits or fails', async () => {
    const { aws, clock, status } = await setUpEcr();
    expect(await status()).toBe(200);
    clock.advance(HOUR_MS / 2);
    expect([await status(), (await aws.calls()).length]).toEqual([200, 1]);
    clock.advance(HOUR_MS / 2 - 120_000);
    expect([await status(), (await aws.calls()).length]).toEqual([200, 2]);
  });

  it('fetches another one where the origin refuses it', async () => {
    const { aws, status, edge } = await setUpEcr({}, 'Basic of-tomorrow');
    expect(await status()).toBe(502);
    expect((await aws.calls()).length).toBe(2);
    expect(edge.log.join()).toContain("the origin refuses the edge's account");
  });

  it('fetches another one no more often than every 5 s, however often the origin refuses it', async () => {
    const { aws, clock, status } = await setUpEcr({}, 'Basic of-tomorrow');
    for (let n = 0; n < 5; n++) expect(await status()).toBe(502);
    expect((await aws.calls()).length).toBe(2);
    clock.advance(5_000);
    for (let n = 0; n < 5; n++) expect(await status()).toBe(502);
    expect((await aws.calls()).length).toBe(3);
  });

  it('fetches another one for all who were refused at the same time', async () => {
    const { aws, edge, blob, clock } = await setUpEcr();
    await edge.fetch(blob.path);
    const renewed = btoa('AWS:another-password');
    const given = { authorizationToken: renewed, expiresAt: (clock.now() + HOUR_MS) / 1_000 };
    const intercepted = interceptAws(aws.url, given);
    vi.spyOn(globalThis, 'fetch').mockImplementation(intercepted);
    await rig.forget(`/v2/${blob.name}/`);
    await demandLogin(blob, `Basic ${renewed}`);
    const answers = await Promise.all(Array.from({ length: 8 }, () => edge.fetch(blob.path)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200));
  });

  it('fetches another one where the token server refuses it', async () => {
    const { aws, blob } = await setUpEcr();
    await rig.forget(`/v2/${blob.name}/`);
    const { variables } = await demandToken(blob.name, { status: 401, body: '{}' });
    const behindTokens = createEdge({ ...ecrVariables(blob, aws), ...variables });
    expect((await behindTokens.fetch(blob.path)).status).toBe(502);
    expect((await aws.calls()).length).toBe(2);
  });

  it('asks AWS once for all who wait, where it fails', async () => {
    const { aws, edge, blob } = await setUpEcr({ status: 500, waitMs: 200 });
    // Each asks for itself, since only a 200 is shared.
    const answers = await Promise.all(Array.from({ length: 8 }, () => edge.fetch(blob.path)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(502));
    expect((await aws.calls()).length).toBe(1);
  });

  it.each([
    ['in the past', 1],
    ['that is now', Math.floor(Date.now() / 1_000)],
    ['that is not a number of a clock', 1e300],
  ])('has a password with an end %s', async (_what, expiresAt) => {
    const body = JSON.stringify({ authorizationData: [{ authorizationToken: PASSWORD, expiresAt }] });
    const { aws, clock, status } = await setUpEcr({ body });
    expect([await status(), await status()]).toEqual([200, 200]);
    expect((await aws.calls()).length).toBe(1);
    clock.advance(48 * HOUR_MS);
    expect([await status(), (await aws.calls()).length]).toEqual([200, 2]);
  });

  it.each<[string, { status?: number; body?: string }]>([
    ['refuses', { status: 400, body: '{"__type":"UnrecognizedClientException"}' }],
    ['fails', { status: 500 }],
    ['says nothing of use', { body: '{"authorizationData":[{"authorizationToken":"a b"}]}' }],
    ['says null', { body: 'null' }],
    ['redirects', { status: 307 }],
  ])(
    'where AWS %s, callers get a 502 without a challenge, and AWS is left alone for a while',
    async (_what, script) => {
      const { aws, clock, edge, blob } = await setUpEcr(script);
      for (let n = 0; n < 3; n++) {
        const answer = await edge.fetch(blob.path);
        expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([502, null]);
      }
      expect((await aws.calls()).length).toBe(1);
      expect(edge.log.join()).not.toContain('a-secret');
      clock.advance(6_000);
      await edge.fetch(blob.path);
      expect((await aws.calls()).length).toBe(2);
    },
  );
});

describe('ORIGIN_ACCOUNT=google', () => {
  it('exchanges a signed assertion for a token, which is the password', async () => {
    const blob = await pushBlob();
    const pair = (await crypto.subtle.generateKey(
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2_048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      ...[true, ['sign', 'verify']],
    )) as CryptoKeyPair;
    const der = new Uint8Array((await crypto.subtle.exportKey('pkcs8', pair.privateKey)) as ArrayBuffer);
    const base64 = btoa(String.fromCharCode(...der));
    const key = {
      ...{ client_email: 'mirror@project.test', token_uri: 'https://oauth2.googleapis.com/token' },
      private_key: `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
    };
    await demandLogin(blob, `Basic ${btoa('oauth2accesstoken:ya29.token')}`);
    const sent: URLSearchParams[] = [];
    const send = globalThis.fetch;
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (String(input) !== key.token_uri) return send(input, init);
      sent.push(init?.body as URLSearchParams);
      return Response.json({ access_token: 'ya29.token', expires_in: 3_599, token_type: 'Bearer' });
    });
    const edge = createEdge({
      ...{ CLIENT_AUTH: 'anonymous', ORIGIN_ACCOUNT: 'google', ALLOW_REPOSITORIES: blob.name },
      GOOGLE_SERVICE_ACCOUNT: JSON.stringify(key),
    });
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    expect(sent.map((form) => form.get('grant_type'))).toEqual(['urn:ietf:params:oauth:grant-type:jwt-bearer']);
    const assertion = sent[0]?.get('assertion') ?? '';
    const [head = '', payload = '', signature = ''] = assertion.split('.');
    const bytes = Uint8Array.from(atob(signature.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const signed = new TextEncoder().encode(`${head}.${payload}`);
    expect(await crypto.subtle.verify('RSASSA-PKCS1-v1_5', pair.publicKey, bytes, signed)).toBe(true);
    const { iss, aud, scope, iat = 0, exp = 0 } = decodeJwt(assertion);
    expect([iss, aud, scope, exp - iat]).toEqual([
      ...[key.client_email, key.token_uri, 'https://www.googleapis.com/auth/cloud-platform.read-only', 600],
    ]);
  });
});
