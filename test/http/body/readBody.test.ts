import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../src/http/body/budget.ts';
import { readBody } from '../../../src/http/body/readBody.ts';
import { contextOf, createClock } from '../../support/context.ts';

const MAX_BYTES = 100_000;
const SIZES = [0, 1, 16_383, 16_384, 16_385, 99_999, 100_000];

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at % 251);
}

/** A body as it comes from the wire, in pieces. */
function coming(bytes: Uint8Array, { announced = false, size = 7_777, ends = true } = {}) {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  (async () => {
    for (let at = 0; at < bytes.length; at += size) await writer.write(bytes.slice(at, at + size));
    if (ends) await writer.close();
  })().catch(() => undefined);
  return { body: readable, headers: new Headers(announced ? { 'content-length': String(bytes.length) } : {}) };
}

function reading(budgetBytes = 1_000_000, timeoutMs = 5_000) {
  const budget = createBudget(budgetBytes);
  const ctx = contextOf(createClock());
  return { budget, ctx, how: { room: budget.room(ctx), maxBytes: MAX_BYTES, timeoutMs } };
}

async function allOf(body: Awaited<ReturnType<typeof readBody>>): Promise<Uint8Array> {
  return 'bytes' in body ? body.bytes : new Response(body.stream).bytes();
}

describe.each([true, false])('readBody, with its length announced: %s', (announced) => {
  it.each(SIZES)('reads all of %i bytes, and holds them until the request is over', async (length) => {
    const { budget, ctx, how } = reading();
    const body = await readBody(coming(bytesOf(length), { announced }), how);
    expect(body).toEqual({ bytes: bytesOf(length) });
    expect(budget.heldBytes).toBe(length);
    ctx.answered();
    expect(budget.heldBytes).toBe(0);
  });

  it.each([100_001, 300_000])('gives a stream of what is too long: %i bytes', async (length) => {
    const { budget, ctx, how } = reading();
    const body = await readBody(coming(bytesOf(length), { announced }), how);
    expect(body).toHaveProperty('stream');
    expect(budget.heldBytes).toBeLessThanOrEqual(MAX_BYTES);
    expect(await allOf(body)).toEqual(bytesOf(length));
    ctx.answered();
    expect(budget.heldBytes).toBe(0);
  });

  it.each([0, 16_384, 60_000])('gives a stream of what there is no room for: %i bytes of room', async (room) => {
    const { budget, how } = reading(room);
    const body = await readBody(coming(bytesOf(90_000), { announced }), how);
    expect(body).toHaveProperty('stream');
    expect(budget.heldBytes).toBeLessThanOrEqual(room);
    expect(await allOf(body)).toEqual(bytesOf(90_000));
  });

  it('is an error where the body stalls, and gives the room back', async () => {
    const { budget, how } = reading(1_000_000, 50);
    const stalled = coming(bytesOf(20_000), { announced, ends: false });
    if (announced) stalled.headers.set('content-length', '30000');
    await expect(readBody(stalled, how)).rejects.toMatchObject({ code: 'ORIGIN_UNREACHABLE' });
    expect(budget.heldBytes).toBe(0);
  });
});

describe('readBody', () => {
  it('holds no more than it needs of a body without a length', async () => {
    const { budget, how } = reading();
    let most = 0;
    const room = {
      ...how.room,
      resize(bytes: number) {
        const isThere = how.room.resize(bytes);
        most = Math.max(most, budget.heldBytes);
        return isThere;
      },
    };
    await readBody(coming(bytesOf(40_000), { size: 1_000 }), { ...how, room });
    expect(most).toBeLessThanOrEqual(32_768 + 65_536);
  });
});
