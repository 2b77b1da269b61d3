import { describe, expect, it } from 'vitest';
import { requestHeaders, responseHeaders } from '../../src/http/headers.ts';
import { USER_AGENT } from '../../src/version.ts';
import { createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';

/** Headers that belong to one request of one client. */
const CLIENT_REQUEST_ONLY = {
  range: 'bytes=0-0',
  'if-match': '"a"',
  'if-none-match': '"b"',
  'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT',
  'if-unmodified-since': 'Thu, 01 Jan 2026 00:00:00 GMT',
  'if-range': '"c"',
  'content-type': 'text/plain',
  'content-length': '0',
  'content-encoding': 'gzip',
};
const EDGE_ONLY = {
  host: 'edge.test',
  expect: '100-continue',
  forwarded: 'for=1.2.3.4',
  'x-forwarded-for': '1.2.3.4',
  'x-forwarded-proto': 'https',
  'x-real-ip': '1.2.3.4',
  'cf-connecting-ip': '1.2.3.4',
  'cf-connecting-ipv6': '::1',
  'cf-ray': 'abc',
  'cf-visitor': '{}',
  'cf-ipcountry': 'XX',
  'cf-ew-via': '15',
  'true-client-ip': '1.2.3.4',
  'x-client-ip': '1.2.3.4',
  'x-cluster-client-ip': '1.2.3.4',
  'fastly-client-ip': '1.2.3.4',
  'x-azure-clientip': '1.2.3.4',
  'x-original-forwarded-for': '1.2.3.4',
  'x-forwarded-user': 'admin',
  'x-forwarded-client-cert': 'Subject="CN=admin"',
  'x-envoy-external-address': '1.2.3.4',
  'x-envoy-peer-metadata': 'x',
};
const HOP_BY_HOP = {
  connection: 'x-private, X-Other',
  'x-private': '1',
  'x-other': '1',
  'keep-alive': 'timeout=5',
  'proxy-authenticate': 'Basic',
  'proxy-authorization': 'Basic x',
  'proxy-connection': 'close',
  te: 'trailers',
  trailer: 'x',
  'transfer-encoding': 'chunked',
  upgrade: 'h2c',
};
const PLAIN = { accept: 'application/json', 'user-agent': 'docker/29', 'x-request-id': '1', traceparent: '00-1' };
const IDENTITY = { authorization: 'Basic YTpi', cookie: 'a=b', 'x-remote-user': 'admin', 'cf-cert-subject-dn': 'CN=a' };
const ALL = { ...CLIENT_REQUEST_ONLY, ...EDGE_ONLY, ...HOP_BY_HOP, ...PLAIN, ...IDENTITY };
/** What an open mirror sends: it asks on behalf of all callers, in its own name. */
const OPEN_MIRROR_HEADERS = { accept: PLAIN.accept, 'user-agent': USER_AGENT };
const CODING = { 'accept-encoding': 'identity' };

describe('requestHeaders', () => {
  it.each([
    ['relay', 'caller', { ...CLIENT_REQUEST_ONLY, ...PLAIN, ...IDENTITY, ...CODING }],
    ['relay', 'nobody', { ...OPEN_MIRROR_HEADERS, range: CLIENT_REQUEST_ONLY.range, ...CODING }],
    ['question', 'caller', { ...PLAIN, ...IDENTITY, ...CODING }],
    ['question', 'nobody', { ...OPEN_MIRROR_HEADERS, ...CODING }],
  ] as const)('a %s as %s sends exactly the headers that the origin may see', (purpose, askedAs, expected) => {
    const client = new Headers({ ...ALL, 'accept-encoding': 'gzip, br' });
    expect(Object.fromEntries(requestHeaders(client, { askedAs, for: purpose }))).toEqual(expected);
  });

  it('an Authorization that Connection names is sent', () => {
    const client = new Headers({ connection: 'Authorization , x-private', 'x-private': '1', authorization: 'Basic x' });
    const sent = requestHeaders(client, { askedAs: 'caller', for: 'question' });
    expect(Object.fromEntries(sent)).toEqual({ authorization: 'Basic x', ...CODING });
  });

  it("the edge's own HEAD of a blob, and its GET of the first byte, carry no condition and no range of the client", async () => {
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 405 });
    const sent = { range: 'bytes=2-4', 'if-none-match': '"x"', 'if-modified-since': 'x', 'content-type': 'a/b' };
    await createEdge().fetch(blob.path, { method: 'HEAD', headers: sent });
    const requests = await rig.requests(blob.path);
    expect(requests.map(({ method, headers }) => [method, ...Object.keys(sent).map((name) => headers[name])])).toEqual([
      ['HEAD', undefined, undefined, undefined, undefined],
      ['GET', 'bytes=0-0', undefined, undefined, undefined],
    ]);
  });
});

describe('responseHeaders', () => {
  it('removes the hop-by-hop headers and keeps all others', () => {
    const own = { 'content-type': 'a/b', etag: '"x"', 'www-authenticate': 'Basic', 'x-anything': '1' };
    expect(Object.fromEntries(responseHeaders(new Headers({ ...HOP_BY_HOP, ...own })))).toEqual(own);
  });
});
