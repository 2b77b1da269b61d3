import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../src/oci/errors.ts';
import { followRedirects } from '../../src/origin/followRedirects.ts';

const FROM = new URL('https://registry.example.com/v2/a/blobs/sha256:x');
const STORAGE = 'https://storage.example.com/x?sig=1';

const to = (location: string, body: BodyInit | null = null) =>
  new Response(body, { status: 307, headers: { location } });

/** Follows from a redirect through these answers, and tells whom it asked for what. */
async function follow(first: Response, answers: Response[], options: { range?: string; hosts?: string[] } = {}) {
  const asked: { href: string; headers: Record<string, string> }[] = [];
  const { range = null, hosts } = options;
  const given = followRedirects(first, FROM, {
    redirects: { origin: new URL('https://registry.example.com'), hosts },
    range,
    async follow(at, headers) {
      asked.push({ href: at.href, headers: Object.fromEntries(headers) });
      const response = answers[asked.length - 1];
      if (!response) throw new RegistryError('ORIGIN_UNREACHABLE');
      return { response, sentAt: 0 };
    },
  });
  const response = await given.catch((error: unknown) => error);
  return { response, asked, hrefs: asked.map(({ href }) => href) };
}

/** The error of an origin out of reach, whose message tells no address. */
function expectUnreachable(thrown: unknown): void {
  expect(thrown).toBeInstanceOf(RegistryError);
  expect(thrown).toMatchObject({ code: 'ORIGIN_UNREACHABLE', status: 502 });
  expect((thrown as RegistryError).toBody()).not.toMatch(/example|sig=/);
}

describe('followRedirects', () => {
  it.each([
    ['a range', 'bytes=2-4', { range: 'bytes=2-4' }],
    ['none', undefined, {}],
  ])('asks the storage for the content as it is, with nothing of the client’s but its range: %s', async (...row) => {
    const [, range, expected] = row;
    const { asked } = await follow(to(STORAGE), [new Response('abc')], range === undefined ? {} : { range });
    expect(asked).toEqual([{ href: STORAGE, headers: { accept: '*/*', 'accept-encoding': 'identity', ...expected } }]);
  });

  it.each([200, 206, 416])('gives a %i with the content’s headers only', async (status) => {
    const kept = {
      'content-length': '3',
      'content-range': 'bytes 0-2/9',
      'content-type': 'text/plain',
      'last-modified': 'then',
    };
    const headers = { ...kept, etag: '"s3"', 'x-amz-id': 'x', 'set-cookie': 'a=b', location: STORAGE, age: '1' };
    const { response } = await follow(to(STORAGE), [new Response('abc', { status, headers })]);
    expect((response as Response).status).toBe(status);
    expect(Object.fromEntries((response as Response).headers)).toEqual(kept);
    expect(await (response as Response).text()).toBe('abc');
  });

  it('tells the coding of the content, so that nobody on the way decodes it', async () => {
    const coded = new Response(null, { headers: { 'content-encoding': 'gzip', 'content-length': '39' } });
    const { response } = await follow(to(STORAGE), [coded]);
    expect((response as Response).headers.get('content-encoding')).toBe('gzip');
  });

  it('takes a relative address as one of whom it was told by', async () => {
    const { hrefs } = await follow(to(STORAGE), [to('/y?z=1'), new Response('abc')]);
    expect(hrefs).toEqual([STORAGE, 'https://storage.example.com/y?z=1']);
  });

  it('drops the body of every redirect on the way', async () => {
    const cancelled: string[] = [];
    const body = (name: string) => new ReadableStream({ cancel: () => void cancelled.push(name) });
    await follow(to(STORAGE, body('first')), [to(STORAGE, body('second')), new Response('abc')]);
    expect(cancelled).toEqual(['first', 'second']);
  });

  const BAD: [string, string][] = [
    ['http', 'http://storage.example.com/x'],
    ['loopback', 'https://127.0.0.1/x'],
    ['a private network', 'https://10.0.0.1/x'],
    ['the metadata of the cloud', 'https://169.254.169.254/latest/meta-data'],
    ['a name of the inside', 'https://minio.internal/x'],
    ['IPv6 loopback', 'https://[::1]/x'],
    ['a login', 'https://a:b@storage.example.com/x'],
    ['no address', 'https://'],
  ];
  const LISTED = ['*.example.com', '*.internal', '127.0.0.1', '10.0.0.1', '169.254.169.254'];

  it.each(BAD)('never goes to %s, listed or not: the redirect is the answer', async (_what, location) => {
    for (const options of [{}, { hosts: LISTED }]) {
      const first = to(location, 'moved');
      const { response, asked } = await follow(first, [new Response('inside')], options);
      expect(asked).toEqual([]);
      expect(response).toBe(first);
      expect(await (response as Response).text()).toBe('moved');
    }
  });

  it.each(BAD)('never goes on to %s: the first redirect is the answer', async (_what, location) => {
    for (const options of [{}, { hosts: LISTED }]) {
      const { response, hrefs } = await follow(to(STORAGE), [to(location), new Response('inside')], options);
      expect(hrefs).toEqual([STORAGE]);
      expect(response).toMatchObject({ status: 307 });
      expect((response as Response).headers.get('location')).toBe(STORAGE);
    }
  });

  it('never goes, nor goes on, to a host that is not listed', async () => {
    const [first, location] = [to(STORAGE), 'https://elsewhere.example.org/x'];
    expect((await follow(first, [], { hosts: ['example.com'] })).response).toBe(first);
    const { hrefs } = await follow(to(STORAGE), [to(location), new Response('abc')], { hosts: LISTED });
    expect(hrefs).toEqual([STORAGE]);
  });

  it('gives a first redirect that can still be relayed', async () => {
    const { response } = await follow(to(STORAGE, 'moved'), [to('http://storage.example.com/x', 'moved')]);
    const { status, headers, body } = response as Response;
    expect(new Response(body, { status, headers }).headers.get('location')).toBe(STORAGE);
  });

  it('goes three hops and no further', async () => {
    const three = await follow(to(STORAGE), [to('/2'), to('/3'), new Response('abc')]);
    expect(await (three.response as Response).text()).toBe('abc');
    const four = await follow(to(STORAGE), [to('/2'), to('/3'), to('/4'), new Response('abc')]);
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
    ['nobody', []],
    ['nobody after a hop', [to('/2')]],
  ])('finds no content at %s', async (_what, answers) => {
    expectUnreachable((await follow(to(STORAGE), answers)).response);
  });
});
