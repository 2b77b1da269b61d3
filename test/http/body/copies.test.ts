import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../src/http/body/budget.ts';
import { type Copies, createCopies as createCopiesIn } from '../../../src/http/body/copies.ts';
import { contextOf, createClock } from '../../support/context.ts';

const KIB = 1024;
/** Room for two bodies of the greatest length. */
const MAX_BYTES = 64 * KIB;
const WAIT_MS = 5_000;

function createCopies(maxBytes: number, maxTotalBytes: number): Copies {
  return createCopiesIn(maxBytes, createBudget(maxTotalBytes));
}

/** A request's body that is being copied: what is sent, and what comes out of it. */
function copying(copies: Copies, length: number) {
  const { readable, writable } = new IdentityTransformStream();
  const clock = createClock();
  const headers = { 'content-length': String(length) };
  const ctx = contextOf(clock, new Request('http://edge.test/v2/', { method: 'PUT', body: readable, headers }));
  const copy = copies.of(ctx);
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
  ])('keeps what passes, as it was sent: %s', async (_how, size) => {
    const length = size === 1 ? 2_000 : 40 * KIB;
    const bytes = bytesOf(length);
    const { copy, arrived, clock, sendAll } = copying(createCopies(MAX_BYTES, 2 * MAX_BYTES), length);
    const pieces = Array.from({ length: Math.ceil(length / size) }, (_, at) => bytes.slice(at * size, (at + 1) * size));
    await sendAll(pieces);
    expect(await arrived).toEqual(bytes);
    expect(await copy.whole(WAIT_MS)).toEqual({ content: bytes, sentAt: clock.now() });
  });

  it('lets a body that is too long pass, and keeps nothing of it', async () => {
    const bytes = bytesOf(MAX_BYTES + 1);
    const { copy, arrived, sendAll } = copying(createCopies(MAX_BYTES, 2 * MAX_BYTES), bytes.length);
    await sendAll([bytes]);
    expect(await arrived).toEqual(bytes);
    expect(await copy.whole(WAIT_MS)).toBeUndefined();
  });

  it('keeps no more of all bodies together than there is room for, and gives it back', async () => {
    const copies = createCopies(MAX_BYTES, 2 * MAX_BYTES);
    const bytes = bytesOf(MAX_BYTES);
    const copied = async () => {
      const { ctx, copy, sendAll } = copying(copies, bytes.length);
      await sendAll([bytes]);
      return { ctx, isKept: (await copy.whole(WAIT_MS)) !== undefined };
    };
    const [one, two, three] = [await copied(), await copied(), await copied()];
    expect([one.isKept, two.isKept, three.isKept]).toEqual([true, true, false]);
    for (const { ctx } of [one, three]) {
      ctx.answered();
      ctx.answered();
    }
    expect([(await copied()).isKept, (await copied()).isKept]).toEqual([true, false]);
  });

  it('holds nothing of a body that goes on after the request is over: it was refused early', async () => {
    const budget = createBudget(2 * MAX_BYTES);
    const bytes = bytesOf(MAX_BYTES);
    const { ctx, copy, arrived, writer } = copying(createCopiesIn(MAX_BYTES, budget), bytes.length);
    await writer.write(bytes.subarray(0, 1_000));
    await expect.poll(() => budget.heldBytes).toBeGreaterThan(0);
    ctx.answered();
    expect(budget.heldBytes).toBe(0);
    await sendAll(writer, [bytes.subarray(1_000, 30_000), bytes.subarray(30_000)]);
    expect(await arrived).toEqual(bytes);
    expect(await copy.whole(WAIT_MS)).toBeUndefined();
    expect(budget.heldBytes).toBe(0);
  });

  it('has nothing of a body that broke off', async () => {
    const { copy, arrived, writer } = copying(createCopies(MAX_BYTES, 2 * MAX_BYTES), 1_000);
    await writer.write(bytesOf(100));
    await writer.abort(new Error('gone'));
    expect(await copy.whole(WAIT_MS)).toBeUndefined();
    expect(await arrived).toBeUndefined();
  });

  it('leaves a body without a length alone, since what breaks off could not be told from what ends', () => {
    const { readable } = new IdentityTransformStream();
    const request = new Request('http://edge.test/v2/', { method: 'PUT', body: readable });
    expect(createCopies(MAX_BYTES, MAX_BYTES).of(contextOf(createClock(), request))).toBeUndefined();
    expect(request.body?.locked).toBe(false);
  });

  it('is of no use without a body', () => {
    expect(createCopies(MAX_BYTES, MAX_BYTES).of(contextOf(createClock()))).toBeUndefined();
  });
});
