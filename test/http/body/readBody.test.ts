import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../src/http/body/budget.ts';
import { readBody } from '../../../src/http/body/readBody.ts';
import { contextOf, createClock } from '../../support/context.ts';

const MAX_BYTES = 100_000;
const SIZES = [0, 1, 16_383, 16_384, 16_385, 99_999, 100_000];

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at % 251);
}

/** A body that arrives in pieces, as from the wire. */
function arriving(bytes: Uint8Array, { announced = false, size = 7_777, ends = true } = {}) {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  (async () => {
    for (let at = 0; at < bytes.length; at += size) await writer.write(bytes.slice(at, at + size));
    if (ends) await writer.close();
  })().catch(() => undefined);
  return { body: readable, headers: new Headers(announced ? { 'content-length': String(bytes.length) } : {}) };
}

function setup(budgetBytes = 1_000_000, timeoutMs = 5_000) {
  const budget = createBudget(budgetBytes);
  const ctx = contextOf(createClock());
  return { budget, ctx, options: { room: budget.room(ctx), maxBytes: MAX_BYTES, timeoutMs } };
}

async function bytesIn(body: Awaited<ReturnType<typeof readBody>>): Promise<Uint8Array> {
  return 'bytes' in body ? body.bytes : new Response(body.stream).bytes();
}

describe.each([true, false])('readBody of a body that announces its length: %s', (announced) => {
  it.each(SIZES)('reads %i bytes, and holds them until the request is over', async (length) => {
    const { budget, ctx, options } = setup();
    const body = await readBody(arriving(bytesOf(length), { announced }), options);
    expect(body).toEqual({ bytes: bytesOf(length) });
    expect(budget.heldBytes).toBe(length);
    ctx.markAnswered();
    expect(budget.heldBytes).toBe(0);
  });

  it.each([100_001, 300_000])('returns a stream of a body that is too long: %i bytes', async (length) => {
    const { budget, ctx, options } = setup();
    const body = await readBody(arriving(bytesOf(length), { announced }), options);
    expect(body).toHaveProperty('stream');
    expect(budget.heldBytes).toBeLessThanOrEqual(MAX_BYTES);
    expect(await bytesIn(body)).toEqual(bytesOf(length));
    ctx.markAnswered();
    expect(budget.heldBytes).toBe(0);
  });

  it.each([0, 16_384, 60_000])(
    'returns a stream of a body for which there is no room: %i bytes of room',
    async (room) => {
      const { budget, options } = setup(room);
      const body = await readBody(arriving(bytesOf(90_000), { announced }), options);
      expect(body).toHaveProperty('stream');
      expect(budget.heldBytes).toBeLessThanOrEqual(room);
      expect(await bytesIn(body)).toEqual(bytesOf(90_000));
    },
  );

  it('throws where the body stalls, and gives the room back', async () => {
    const { budget, options } = setup(1_000_000, 50);
    const stalled = arriving(bytesOf(20_000), { announced, ends: false });
    if (announced) stalled.headers.set('content-length', '30000');
    await expect(readBody(stalled, options)).rejects.toMatchObject({ code: 'ORIGIN_UNREACHABLE' });
    expect(budget.heldBytes).toBe(0);
  });
});

describe('readBody', () => {
  it('reserves no more than it needs for a body without a length', async () => {
    const { budget, options } = setup();
    let peakBytes = 0;
    const room = {
      ...options.room,
      resize(bytes: number) {
        const hasRoom = options.room.resize(bytes);
        peakBytes = Math.max(peakBytes, budget.heldBytes);
        return hasRoom;
      },
    };
    await readBody(arriving(bytesOf(40_000), { size: 1_000 }), { ...options, room });
    expect(peakBytes).toBeLessThanOrEqual(32_768 + 65_536);
  });
});
