import { describe, expect, it } from 'vitest';
import { createBudget, createPool, waitForRoom } from '../../../src/http/body/budget.ts';
import { contextOf, createClock } from '../../support/context.ts';

const clock = createClock();
const request = () => contextOf(clock);

describe('createBudget', () => {
  it('gives no more room than there is, and reuses room that was given back', () => {
    const budget = createBudget(100);
    const [one, other] = [budget.room(request()), budget.room(request())];
    expect([one.resize(60), other.resize(41), other.resize(40)]).toEqual([true, false, true]);
    expect(one.resize(61)).toBe(false);
    expect(budget.heldBytes).toBe(100);
    one.resize(10);
    expect(budget.heldBytes).toBe(50);
    for (let n = 0; n < 2; n++) one.release();
    expect(budget.heldBytes).toBe(40);
    expect(other.resize(100)).toBe(true);
  });

  it('frees everything when the request is over: answered, and no work pending after the reply', async () => {
    const budget = createBudget(100);
    const ctx = request();
    const work = Promise.withResolvers<void>();
    budget.room(ctx).resize(30);
    budget.hold(ctx, new Uint8Array(20));
    ctx.waitUntil(work.promise);
    ctx.markAnswered();
    expect(budget.heldBytes).toBe(50);
    work.resolve();
    await ctx.settled();
    expect(budget.heldBytes).toBe(0);
  });

  it('shares a pool with others, of which none gets more than its own bound', () => {
    const pool = createPool(100);
    const [one, other, third] = [1, 2, 3].map(() => createBudget(60, pool).room(request()));
    expect([one?.resize(61), one?.resize(60), other?.resize(41), other?.resize(40)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect([third?.resize(1), pool.heldBytes]).toEqual([false, 100]);
    other?.release();
    expect([third?.resize(40), pool.heldBytes]).toEqual([true, 100]);
    for (const room of [one, other, third]) room?.release();
    expect(pool.heldBytes).toBe(0);
  });

  it('frees what requests that never ended hold of the pool in other budgets, too', () => {
    const pool = createPool(100);
    const [one, other, third] = [1, 2, 3].map(() => createBudget(50, pool));
    for (const budget of [one, other]) budget?.room(request()).resize(50);
    clock.advance(600_001);
    expect(third?.room(request()).resize(20)).toBe(true);
    expect([one?.heldBytes, other?.heldBytes, pool.heldBytes]).toEqual([0, 0, 20]);
  });

  it('gives back to the pool what a request held', () => {
    const pool = createPool(100);
    const [budget, ctx] = [createBudget(60, pool), request()];
    budget.hold(ctx, new Uint8Array(30));
    expect(pool.heldBytes).toBe(30);
    ctx.markAnswered();
    expect(pool.heldBytes).toBe(0);
  });

  it('counts bytes that several requests share once, until the last of them is over', () => {
    const budget = createBudget(100);
    const [one, other] = [request(), request()];
    const content = new Uint8Array(40);
    const room = budget.room(one);
    room.resize(64);
    room.hold(content);
    budget.hold(other, content);
    budget.hold(other, content);
    expect(budget.heldBytes).toBe(40);
    one.markAnswered();
    expect(budget.heldBytes).toBe(40);
    other.markAnswered();
    expect(budget.heldBytes).toBe(0);
  });

  it('frees what a request that never ended holds, after a while and where room is short', () => {
    const budget = createBudget(100);
    budget.room(request()).resize(90);
    clock.advance(600_000);
    expect(budget.room(request()).resize(20)).toBe(false);
    clock.advance(1);
    expect(budget.room(request()).resize(20)).toBe(true);
    expect(budget.heldBytes).toBe(20);
  });

  it('holds nothing for a request that is over: a late body, a copy that goes on growing', () => {
    const budget = createBudget(100);
    const ctx = request();
    const [early, late] = [budget.room(ctx), budget.room(ctx)];
    expect(early.resize(10)).toBe(true);
    ctx.markAnswered();
    for (let n = 0; n < 2; n++)
      expect([early.resize(20), late.resize(1), late.resize(0)]).toEqual([false, false, false]);
    late.hold(new Uint8Array(30));
    budget.hold(ctx, new Uint8Array(40));
    early.release();
    expect(budget.heldBytes).toBe(0);
  });

  it('frees what a request reserved after a sweep that it outlived', () => {
    const budget = createBudget(100);
    const ctx = request();
    const room = budget.room(ctx);
    expect(room.resize(60)).toBe(true);
    clock.advance(600_001);
    expect(budget.room(request()).resize(90)).toBe(true);
    expect(budget.heldBytes).toBe(90);
    expect(room.resize(5)).toBe(true);
    budget.hold(ctx, new Uint8Array(5));
    ctx.markAnswered();
    expect(budget.heldBytes).toBe(90);
  });

  it('waitForRoom waits until another request gives room back, but not for ever', async () => {
    const budget = createBudget(100);
    const ctx = request();
    budget.room(ctx).resize(100);
    expect(await waitForRoom(budget, request(), 50, 100)).toBeUndefined();
    const waiting = waitForRoom(budget, request(), 50, 5_000);
    ctx.markAnswered();
    expect(await waiting).toBeDefined();
    expect(budget.heldBytes).toBe(50);
  });
});
