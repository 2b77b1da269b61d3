import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../src/oci/errors.ts';
import { followRedirects } from '../../src/origin/followRedirects.ts';

const FROM = new URL('https://registry.example.com/v2/a/blobs/sha256:x');
const STORAGE = 'https://storage.example.com/x?sig=1';

const redirectTo = (location: string, body: BodyInit | null = null) =>
  new Response(body, { status: 307, headers: { location } });

/** Follows a redirect; the hops get these answers in turn. Returns the result and the requests. */
async function follow(first: Response, answers: Response[], options: { range?: string; hosts?: string[] } = {}) {
  const requests: { href: string; headers: Record<string, string> }[] = [];
  const { range = null, hosts } = options;
  const following = followRedirects(first, FROM, {
    redirects: { origin: new URL('https://registry.example.com'), hosts },
    range,
    async follow(url, headers) {
      requests.push({ href: url.href, headers: Object.fromEntries(headers) });
      const response = answers[requests.length - 1];
      if (!response) throw new RegistryError('ORIGIN_UNREACHABLE');
      return { response, sentAt: 0 };
    },
  });
  const response = await following.then(({ response }) => response).catch((error: unknown) => error);
  return { response, requests, hrefs: requests.map(({ href }) => href) };
}

/** Expects the error of an unreachable origin, whose body names no address. */
function expectUnreachable(thrown: unknown): void {
  expect(thrown).toBeInstanceOf(RegistryError);
  expect(thrown).toMatchObject({ code: 'ORIGIN_UNREACHABLE', status: 502 });
  expect((thrown as RegistryError).toBody()).not.toMatch(/example|sig=/);
}

describe('followRedirects', () => {
  it.each([
    ['with a range', 'bytes=2-4', { range: 'bytes=2-4' }],
    ['without a range', undefined, {}],
  ])(
    'asks the storage for the unencoded content, and sends nothing of the client but its range: %s',
    async (...row) => {
      const [, range, expected] = row;
      const { requests } = await follow(
        redirectTo(STORAGE),
        [new Response('abc')],
        range === undefined ? {} : { range },
      );
      expect(requests).toEqual([
        { href: STORAGE, headers: { accept: '*/*', 'accept-encoding': 'identity', ...expected } },
      ]);
    },
  );

  it.each([200, 206, 416])('returns a %i with the headers of the content only', async (status) => {
    const contentHeaders = {
      'content-length': '3',
      'content-range': 'bytes 0-2/9',
      'content-type': 'text/plain',
      'last-modified': 'then',
    };
    const headers = {
      ...contentHeaders,
      etag: '"s3"',
      'x-amz-id': 'x',
      'set-cookie': 'a=b',
      location: STORAGE,
      age: '1',
    };
    const { response } = await follow(redirectTo(STORAGE), [new Response('abc', { status, headers })]);
    expect((response as Response).status).toBe(status);
    expect(Object.fromEntries((response as Response).headers)).toEqual(contentHeaders);
    expect(await (response as Response).text()).toBe('abc');
  });

  it('keeps the Content-Encoding, so that nobody on the way decodes the content', async () => {
    const coded = new Response(null, { headers: { 'content-encoding': 'gzip', 'content-length': '39' } });
    const { response } = await follow(redirectTo(STORAGE), [coded]);
    expect((response as Response).headers.get('content-encoding')).toBe('gzip');
  });

  it('resolves a relative Location against the URL that redirected', async () => {
    const { hrefs } = await follow(redirectTo(STORAGE), [redirectTo('/y?z=1'), new Response('abc')]);
    expect(hrefs).toEqual([STORAGE, 'https://storage.example.com/y?z=1']);
  });

  it('cancels the body of every redirect on the way', async () => {
    const cancelled: string[] = [];
    const body = (name: string) => new ReadableStream({ cancel: () => void cancelled.push(name) });
    await follow(redirectTo(STORAGE, body('first')), [redirectTo(STORAGE, body('second')), new Response('abc')]);
    expect(cancelled).toEqual(['first', 'second']);
  });

  const FORBIDDEN: [string, string][] = [
    ['http', 'http://storage.example.com/x'],
    ['loopback', 'https://127.0.0.1/x'],
    ['a private network', 'https://10.0.0.1/x'],
    ['a metadata service', 'https://169.254.169.254/latest/meta-data'],
    ['an internal name', 'https://minio.internal/x'],
    ['IPv6 loopback', 'https://[::1]/x'],
    ['a URL with a password', 'https://a:b@storage.example.com/x'],
    ['an invalid URL', 'https://'],
  ];
  const LISTED = ['*.example.com', '*.internal', '127.0.0.1', '10.0.0.1', '169.254.169.254'];

  it.each(FORBIDDEN)('never follows a redirect to %s, listed or not, but returns it', async (_what, location) => {
    for (const options of [{}, { hosts: LISTED }]) {
      const first = redirectTo(location, 'moved');
      const { response, requests } = await follow(first, [new Response('inside')], options);
      expect(requests).toEqual([]);
      expect(response).toBe(first);
      expect(await (response as Response).text()).toBe('moved');
    }
  });

  it.each(FORBIDDEN)('never follows a second redirect to %s, but returns the first', async (_what, location) => {
    for (const options of [{}, { hosts: LISTED }]) {
      const { response, hrefs } = await follow(
        redirectTo(STORAGE),
        [redirectTo(location), new Response('inside')],
        options,
      );
      expect(hrefs).toEqual([STORAGE]);
      expect(response).toMatchObject({ status: 307 });
      expect((response as Response).headers.get('location')).toBe(STORAGE);
    }
  });

  it('never follows a first or second redirect to a host that is not listed', async () => {
    const [first, location] = [redirectTo(STORAGE), 'https://elsewhere.example.org/x'];
    expect((await follow(first, [], { hosts: ['example.com'] })).response).toBe(first);
    const { hrefs } = await follow(redirectTo(STORAGE), [redirectTo(location), new Response('abc')], { hosts: LISTED });
    expect(hrefs).toEqual([STORAGE]);
  });

  it('returns a first redirect that can still be relayed', async () => {
    const { response } = await follow(redirectTo(STORAGE, 'moved'), [
      redirectTo('http://storage.example.com/x', 'moved'),
    ]);
    const { status, headers, body } = response as Response;
    expect(new Response(body, { status, headers }).headers.get('location')).toBe(STORAGE);
  });

  it('follows three hops and no more', async () => {
    const three = await follow(redirectTo(STORAGE), [redirectTo('/2'), redirectTo('/3'), new Response('abc')]);
    expect(await (three.response as Response).text()).toBe('abc');
    const four = await follow(redirectTo(STORAGE), [
      redirectTo('/2'),
      redirectTo('/3'),
      redirectTo('/4'),
      new Response('abc'),
    ]);
    expect(four.hrefs).toHaveLength(3);
    expectUnreachable(four.response);
  });

  it.each<[string, Response[]]>([
    ['a page', [new Response('<html>', { headers: { 'content-type': 'Text/HTML; charset=utf-8' } })]],
    ['a page in XHTML', [new Response('<html/>', { headers: { 'content-type': 'application/xhtml+xml' } })]],
    ['a 403', [new Response(`<Error>${STORAGE}</Error>`, { status: 403 })]],
    ['a 404', [new Response(null, { status: 404 })]],
    ['a 204', [new Response(null, { status: 204 })]],
    ['a redirect to nowhere', [new Response(null, { status: 307 })]],
    ['an unreachable host', []],
    ['an unreachable host after a hop', [redirectTo('/2')]],
  ])('throws where the redirect ends at %s', async (_what, answers) => {
    expectUnreachable((await follow(redirectTo(STORAGE), answers)).response);
  });
});
