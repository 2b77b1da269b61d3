import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../src/http/body/budget.ts';
import { type Copies, createCopies as createCopiesIn } from '../../../src/http/body/copies.ts';
import { contextOf, createClock } from '../../support/context.ts';

const KIB = 1024;
/** The longest body that is copied; the budget has room for two of them. */
const MAX_BYTES = 64 * KIB;
const WAIT_MS = 5_000;

function createCopies(maxBytes: number, maxTotalBytes: number): Copies {
  return createCopiesIn(maxBytes, createBudget(maxTotalBytes));
}

/** A request whose body is being copied: the client's writer, the bytes that arrive at the origin, and the copy. */
function startCopy(copies: Copies, length: number) {
  const { readable, writable } = new IdentityTransformStream();
  const clock = createClock();
  const headers = { 'content-length': String(length) };
  const ctx = contextOf(clock, new Request('http://edge.test/v2/', { method: 'PUT', body: readable, headers }));
  const copy = copies.copyOf(ctx);
  if (!copy) throw new TypeError('the request has a body and its length');
  const arrived = new Response(copy.body).bytes().catch(() => undefined);
  const writer = writable.getWriter();
  return { ctx, copy, arrived, clock, writer, sendAll: (pieces: Uint8Array[]) => sendAll(writer, pieces) };
}

async function sendAll(writer: WritableStreamDefaultWriter<Uint8Array>, pieces: Uint8Array[]): Promise<void> {
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
}

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at % 251);
}

describe('createCopies', () => {
  it.each([
    ['all at once', 40 * KIB],
    ['in pieces', 7_777],
    ['a byte at a time', 1],
  ])('copies a body as it was sent: %s', async (_how, pieceLength) => {
    const length = pieceLength === 1 ? 2_000 : 40 * KIB;
    const bytes = bytesOf(length);
    const { copy, arrived, clock, sendAll } = startCopy(createCopies(MAX_BYTES, 2 * MAX_BYTES), length);
    const pieces = Array.from({ length: Math.ceil(length / pieceLength) }, (_, at) =>
      bytes.slice(at * pieceLength, (at + 1) * pieceLength),
    );
    await sendAll(pieces);
    expect(await arrived).toEqual(bytes);
    expect(await copy.whole(WAIT_MS)).toEqual({ content: bytes, sentAt: clock.now() });
  });

  it('passes on a body that is too long, and copies nothing of it', async () => {
    const bytes = bytesOf(MAX_BYTES + 1);
    const { copy, arrived, sendAll } = startCopy(createCopies(MAX_BYTES, 2 * MAX_BYTES), bytes.length);
    await sendAll([bytes]);
    expect(await arrived).toEqual(bytes);
    expect(await copy.whole(WAIT_MS)).toBeUndefined();
  });

  it('copies no more than there is room for, and gives the room back', async () => {
    const copies = createCopies(MAX_BYTES, 2 * MAX_BYTES);
    const bytes = bytesOf(MAX_BYTES);
    const copyOne = async () => {
      const { ctx, copy, sendAll } = startCopy(copies, bytes.length);
      await sendAll([bytes]);
      return { ctx, isCopied: (await copy.whole(WAIT_MS)) !== undefined };
    };
    const [one, two, three] = [await copyOne(), await copyOne(), await copyOne()];
    expect([one.isCopied, two.isCopied, three.isCopied]).toEqual([true, true, false]);
    for (const { ctx } of [one, three]) {
      ctx.markAnswered();
      ctx.markAnswered();
    }
    expect([(await copyOne()).isCopied, (await copyOne()).isCopied]).toEqual([true, false]);
  });

  it('holds nothing of a body that goes on after the origin refused the request early', async () => {
    const budget = createBudget(2 * MAX_BYTES);
    const bytes = bytesOf(MAX_BYTES);
    const { ctx, copy, arrived, writer } = startCopy(createCopiesIn(MAX_BYTES, budget), bytes.length);
    await writer.write(bytes.subarray(0, 1_000));
    await expect.poll(() => budget.heldBytes).toBeGreaterThan(0);
    ctx.markAnswered();
    expect(budget.heldBytes).toBe(0);
    await sendAll(writer, [bytes.subarray(1_000, 30_000), bytes.subarray(30_000)]);
    expect(await arrived).toEqual(bytes);
    expect(await copy.whole(WAIT_MS)).toBeUndefined();
    expect(budget.heldBytes).toBe(0);
  });

  it('has no copy of a body that broke off', async () => {
    const { copy, arrived, writer } = startCopy(createCopies(MAX_BYTES, 2 * MAX_BYTES), 1_000);
    await writer.write(bytesOf(100));
    await writer.abort(new Error('gone'));
    expect(await copy.whole(WAIT_MS)).toBeUndefined();
    expect(await arrived).toBeUndefined();
  });

  it('does not copy a body without a length, whose end looks the same where it breaks off', () => {
    const { readable } = new IdentityTransformStream();
    const request = new Request('http://edge.test/v2/', { method: 'PUT', body: readable });
    expect(createCopies(MAX_BYTES, MAX_BYTES).copyOf(contextOf(createClock(), request))).toBeUndefined();
    expect(request.body?.locked).toBe(false);
  });

  it('does not copy a request without a body', () => {
    expect(createCopies(MAX_BYTES, MAX_BYTES).copyOf(contextOf(createClock()))).toBeUndefined();
  });
});
