import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerOf, identityHeaderOf } from '../../src/access/caller.ts';
import { requestHeaders } from '../../src/http/headers.ts';
import { isProxyHeader, mayIdentifyCaller } from '../../src/http/identity.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const withHeader = (name: string) => new Request('https://edge.test/v2/', { headers: { ...ALICE, [name]: 'x' } });

/** Credentials whose names look like a member of a well-known family of headers. */
const CREDENTIALS = [
  'authorization',
  'cookie',
  'session',
  'user',
  'token',
  'key',
  'auth',
  'credential',
  'credentials',
  'secret',
  'signature',
  'assertion',
].flatMap((word) =>
  ['x-meta', 'x-docker', 'docker', 'oci', 'sec-ch', 'content', 'if', 'x-datadog', 'x-b3', 'x'].map(
    (family) => `${family}-${word}`,
  ),
);

const IDENTITIES = [
  'cookie',
  'cf-access-jwt-assertion',
  'cf-access-client-id',
  'cf-cert-subject-dn',
  'cf-cert-verified',
  'cf-cert-sha256',
  'sec-websocket-protocol',
  'sec-websocket-key',
  'x-docker-token',
  'oci-token',
  'x-meta-token',
  'x-meta-user',
  'docker-username',
  'x-docker-user',
  'private-token',
  'x-api-key',
  'x-remote-user',
  'x-goog-iap-jwt-assertion',
  'x-amz-security-token',
  'x-original-url',
  'x-ms-client-principal',
  'x-auth-request-user',
  'x-whatever',
  ...CREDENTIALS,
];

const ADDRESSES = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-client-cert',
  'x-real-ip',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'fastly-client-ip',
  'x-azure-socketip',
  'x-original-forwarded-for',
  'x-envoy-external-address',
  'x-envoy-expected-rq-timeout-ms',
  'cf-connecting-ip',
  'cf-ipcountry',
  'cf-ray',
];

const HARMLESS = [
  'user-agent',
  'accept',
  'b3',
  'early-data',
  'uber-trace-id',
  'elastic-apm-traceparent',
  'request-id',
  'x-bluecoat-via',
  'http2-settings',
  'traceparent',
  'x-b3-traceid',
  'x-datadog-trace-id',
  'sec-fetch-mode',
  'sec-ch-ua',
  'content-type',
  'if-none-match',
  'x-meta-source-client',
  'docker-distribution-api-version',
];

it('a caller that sends no credential has the empty name', () => {
  expect(callerOf(new Request('https://edge.test/v2/'))).toBe('');
});

describe('a header', () => {
  it.each(IDENTITIES)('may identify the caller: %s', (name) => {
    expect([mayIdentifyCaller(name), callerOf(withHeader(name))]).toEqual([true, undefined]);
  });

  it.each(ADDRESSES)('describes the way of the request, and stays at the edge: %s', (name) => {
    expect([isProxyHeader(name), callerOf(withHeader(name))]).toEqual([true, ALICE.authorization]);
    const sent = requestHeaders(new Headers({ [name]: 'x' }), { askedAs: 'caller', for: 'relay' });
    expect(sent.has(name)).toBe(false);
  });

  it.each(HARMLESS)('says nothing about the caller: %s', (name) => {
    expect([mayIdentifyCaller(name), callerOf(withHeader(name))]).toEqual([false, ALICE.authorization]);
  });

  it('is named on account of which a caller has no name', () => {
    expect(identityHeaderOf(withHeader('cookie'))).toBe('cookie');
    const headers = { authorization: 'Bearer \u00e9' };
    expect(identityHeaderOf(new Request('https://edge.test/v2/', { headers }))).toBe('authorization');
  });

  it('with a name that looks like a credential identifies the caller, or stays at the edge', () => {
    const names = fc.stringMatching(/^(?:x-|cf-|sec-|docker-|oci-|content-|if-)?[a-z]{1,8}(?:-[a-z]{1,8}){0,2}$/);
    fc.assert(
      fc.property(names, (name) => {
        if (!/-(?:token|key|auth|credential|secret|signature|assertion)$|^cf-(?:access|cert)-/.test(name)) return;
        expect(mayIdentifyCaller(name) || isProxyHeader(name)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    'true-client-ip',
    'cf-cert-subject-dn',
    'x-docker-token',
    'oci-token',
    'x-meta-token',
    'sec-websocket-protocol',
  ])("that an origin could judge by never turns one caller's 200 into another's hit: %s", async (name) => {
    const blob = await pushBlob();
    const edge = createEdge();
    for (const value of ['alice', 'bob']) {
      const response = await edge.fetch(blob.path, { method: 'HEAD', headers: { [name]: value } });
      const [sent] = (await rig.requests(blob.path)).slice(-1);
      // Either the origin did not get the header, or it was asked for this caller.
      expect(sent?.headers[name] === undefined || sent.headers[name] === value).toBe(true);
      if (sent?.headers[name] !== undefined) expect(cacheStatusOf(response)).toContain('detail=identity');
    }
  });
});
