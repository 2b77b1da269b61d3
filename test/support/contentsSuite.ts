import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Contents } from '../../src/cache/contents.ts';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { uniqueDigest } from './digests.ts';
import type { RawStore } from './stores.ts';

export interface ContentsOptions {
  create(): Contents;
  /** Creates the same over a store that fails; absent if no store could fail. */
  createFailing?: (() => Contents) | undefined;
  /** Access past the code under test; absent: nobody else can write there. */
  readonly raw?: RawStore | undefined;
  /** The store may skip larger content. */
  readonly maxBytes: number;
  skip?: boolean;
}

const HASHES = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;
const textOf = (content: Uint8Array | undefined) =>
  content && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);

/** Encodes a text as content, and computes its digest. */
export async function contentOf(text: string, algorithm: keyof typeof HASHES = 'sha256') {
  const content = new TextEncoder().encode(text);
  const hash = new Uint8Array(await crypto.subtle.digest(HASHES[algorithm], content));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { content, digest: parseDigest(`${algorithm}:${hex}`) };
}

/** Texts that a store could change by mistake. */
const TEXTS: [what: string, text: string][] = [
  ['an object', '{"schemaVersion":2}'],
  ['indented, with line breaks of any kind', '{\r\n\t"a": 1,\n  "b":\u2028\u2029[]\r}'],
  ['letters and signs beyond ASCII', '{"a":"é\u0301 ß 日本 \u{1f433} \u{10ffff} \ufffd \uffff"}'],
  ['a byte order mark before it', '\ufeff{"a":1}'],
  ['a byte order mark within', '{"a":"\ufeff"}'],
  ['NUL and control characters', '\u0000{"\u0001":"\u007f\u0080"}\u0000'],
  ['quotes and backslashes', '{"\\"":"\\\\ \\u0022 \'$1 %s"}'],
  ['text that looks like a reply of Redis or of its client', '"OK" null 12345 {"result":"OK"} b25l'],
];

/** What every store of content must do. */
export function describeContents(name: string, options: ContentsOptions): void {
  const { create, createFailing, raw, maxBytes, skip = false } = options;
  describe.skipIf(skip)(`Contents: ${name}`, () => {
    let clock: Clock;
    let ctx: TestContext;
    let contents: Contents;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      contents = create();
    });

    /** Calls `get`, and checks that `peek` returned nothing or the same. */
    async function get(digest: Digest): Promise<Uint8Array | undefined> {
      const peeked = contents.peek?.(ctx, digest);
      const content = await contents.get(ctx, digest);
      if (peeked) expect(peeked).toEqual(content);
      return content;
    }

    it('misses content that was never put, and does not take that for corruption', async () => {
      const warn = vi.spyOn(ctx.log, 'warn');
      expect(await get(uniqueDigest())).toBeUndefined();
      expect(warn).not.toHaveBeenCalled();
    });

    it.each(TEXTS)('returns content byte for byte: %s', async (_what, text) => {
      const { content, digest } = await contentOf(`${text} ${crypto.randomUUID()}`);
      const exact = await contentOf(text);
      expect(await get(digest)).toBeUndefined();
      for (const one of [{ content, digest }, exact]) {
        await contents.put(ctx, one.digest, one.content);
        expect(textOf(await get(one.digest))).toBe(textOf(one.content));
        expect(await get(one.digest)).toEqual(one.content);
      }
    });

    it.each(['sha256', 'sha384', 'sha512'] as const)(
      'stores content under a digest of any algorithm: %s',
      async (algorithm) => {
        const { content, digest } = await contentOf(crypto.randomUUID(), algorithm);
        await contents.put(ctx, digest, content);
        expect(await get(digest)).toEqual(content);
      },
    );

    it('stores empty content', async () => {
      const { content, digest } = await contentOf('');
      await contents.put(ctx, digest, content);
      expect(await get(digest)).toEqual(content);
    });

    it(`stores ${maxBytes} bytes, and may skip larger content without a fault`, async () => {
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

    it('accepts the same content twice, and many puts at the same time', async () => {
      const items = await Promise.all(Array.from({ length: 10 }, () => contentOf(crypto.randomUUID())));
      await Promise.all([...items, ...items].map(({ digest, content }) => contents.put(ctx, digest, content)));
      const found = await Promise.all(items.map(({ digest }) => get(digest)));
      expect(found).toEqual(items.map(({ content }) => content));
    });

    if (raw) {
      it.each([
        ['empty', () => ''],
        ['other content', () => '{}'],
        ['another byte', (text: string) => text.replace('2', '3')],
        ['one byte more', (text: string) => `${text}\n`],
        ['one byte less', (text: string) => text.slice(0, -1)],
        ['a byte order mark before it', (text: string) => `\ufeff${text}`],
      ])('misses corrupted content, and removes it: %s', async (_what, spoil) => {
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

    if (createFailing) {
      it('reports a failing store as a fault, never as a miss', async () => {
        const failing = createFailing();
        const { content, digest } = await contentOf(crypto.randomUUID());
        await expect(failing.get(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.put(ctx, digest, content)).rejects.toBeInstanceOf(CacheFault);
      });
    }
  });
}
