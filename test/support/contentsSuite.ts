import { beforeEach, describe, expect, it } from 'vitest';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import type { Contents } from '../../src/stores/contents.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { someDigest } from './digests.ts';
import type { RawStore } from './stores.ts';

export interface ContentsOptions {
  create(): Contents;
  /** The same over a store that fails; absent: there is none that could. */
  createBroken?: (() => Contents) | undefined;
  /** Access past the code under test; absent: nobody else can write there. */
  readonly raw?: RawStore | undefined;
  /** Larger content is left out. */
  readonly maxBytes: number;
  skip?: boolean;
}

const HASHES = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;
const textOf = (content: Uint8Array | undefined) =>
  content && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);

/** Content that nobody else puts, and its digest. */
export async function contentOf(text: string, algorithm: keyof typeof HASHES = 'sha256') {
  const content = new TextEncoder().encode(text);
  const hash = new Uint8Array(await crypto.subtle.digest(HASHES[algorithm], content));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { content, digest: parseDigest(`${algorithm}:${hex}`) };
}

/** JSON and what else may come as text; each with an id, so that no test finds what another one put. */
const TEXTS: [what: string, text: string][] = [
  ['an object', '{"schemaVersion":2}'],
  ['indented, with line breaks of any kind', '{\r\n\t"a": 1,\n  "b":\u2028\u2029[]\r}'],
  ['letters and signs beyond ASCII', '{"a":"é\u0301 ß 日本 \u{1f433} \u{10ffff} \ufffd \uffff"}'],
  ['a byte order mark before it', '\ufeff{"a":1}'],
  ['a byte order mark within', '{"a":"\ufeff"}'],
  ['noughts and control characters', '\u0000{"\u0001":"\u007f\u0080"}\u0000'],
  ['quotes and backslashes', '{"\\"":"\\\\ \\u0022 \'$1 %s"}'],
  ['what Redis or a client might take for its own', '"OK" null 12345 {"result":"OK"} b25l'],
];

/** What every store of content must do, whatever is below it. */
export function describeContents(name: string, options: ContentsOptions): void {
  const { create, createBroken, raw, maxBytes, skip = false } = options;
  describe.skipIf(skip)(`Contents: ${name}`, () => {
    let clock: Clock;
    let ctx: TestContext;
    let contents: Contents;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      contents = create();
    });

    /** What `get` answers; `peek` tells nothing, or the same. */
    async function get(digest: Digest): Promise<Uint8Array | undefined> {
      const peeked = contents.peek?.(ctx, digest);
      const content = await contents.get(ctx, digest);
      if (peeked) expect(peeked).toEqual(content);
      return content;
    }

    it('misses what was never put', async () => {
      expect(await get(someDigest())).toBeUndefined();
    });

    it.each(TEXTS)('gives back byte for byte: %s', async (_what, text) => {
      const { content, digest } = await contentOf(`${text} ${crypto.randomUUID()}`);
      const [own, exact] = [await contentOf(text), await get(digest)];
      expect(exact).toBeUndefined();
      for (const one of [{ content, digest }, own]) {
        await contents.put(ctx, one.digest, one.content);
        expect(textOf(await get(one.digest))).toBe(textOf(one.content));
        expect(await get(one.digest)).toEqual(one.content);
      }
    });

    it.each(['sha256', 'sha384', 'sha512'] as const)(
      'keeps it under a digest of any algorithm: %s',
      async (algorithm) => {
        const { content, digest } = await contentOf(crypto.randomUUID(), algorithm);
        await contents.put(ctx, digest, content);
        expect(await get(digest)).toEqual(content);
      },
    );

    it('keeps nothing at all, too', async () => {
      const { content, digest } = await contentOf('');
      await contents.put(ctx, digest, content);
      expect(await get(digest)).toEqual(content);
    });

    it(`keeps ${maxBytes} bytes, and of more leaves out what it has no room for, without a fault`, async () => {
      const largest = await contentOf(`{"${crypto.randomUUID()}":"é"}`.padEnd(maxBytes - 1, ' '));
      expect(largest.content.length).toBe(maxBytes);
      await contents.put(ctx, largest.digest, largest.content);
      const found = await get(largest.digest);
      expect(found?.length).toBe(maxBytes);
      expect(found && (await contentOf(textOf(found) ?? '')).digest).toBe(largest.digest);
      const larger = await contentOf(crypto.randomUUID().padEnd(maxBytes + 1));
      await contents.put(ctx, larger.digest, larger.content);
      expect([undefined, maxBytes + 1]).toContain((await get(larger.digest))?.length);
    });

    it('takes the same twice, and much at the same time', async () => {
      const some = await Promise.all(Array.from({ length: 10 }, () => contentOf(crypto.randomUUID())));
      await Promise.all([...some, ...some].map(({ digest, content }) => contents.put(ctx, digest, content)));
      const found = await Promise.all(some.map(({ digest }) => get(digest)));
      expect(found).toEqual(some.map(({ content }) => content));
    });

    if (raw) {
      it.each([
        ['nothing', () => ''],
        ['other content', () => '{}'],
        ['the same with another byte', (text: string) => text.replace('2', '3')],
        ['more', (text: string) => `${text}\n`],
        ['less', (text: string) => text.slice(0, -1)],
        ['a byte order mark more', (text: string) => `\ufeff${text}`],
      ])('takes corrupted content for a miss, and removes it: %s', async (_what, spoil) => {
        const text = `{"schemaVersion":2,"id":"${crypto.randomUUID()}"}`;
        const { content, digest } = await contentOf(text);
        await contents.put(ctx, digest, content);
        expect(await raw.readContent(digest)).toBe(text);
        await raw.writeContent(digest, spoil(text));
        expect(await get(digest)).toBeUndefined();
        await ctx.settled();
        expect(await raw.readContent(digest)).toBeNull();
        await contents.put(ctx, digest, content);
        expect(await get(digest)).toEqual(content);
      });
    }

    if (createBroken) {
      it('takes a store that fails for a fault, never for a miss', async () => {
        const broken = createBroken();
        const { content, digest } = await contentOf(crypto.randomUUID());
        await expect(broken.get(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.put(ctx, digest, content)).rejects.toBeInstanceOf(CacheFault);
      });
    }
  });
}
