import { RepositoryObject } from '../../src/stores/durable/object.ts';

/** `undefined`: the objects have the machine's clock. */
let nowMs: number | undefined;

Object.defineProperty(RepositoryObject.prototype, 'now', { value: () => nowMs ?? Date.now() });

/** Stops the clocks of all Durable Objects at a time (epoch ms). */
export function setObjectClocks(at: number): void {
  nowMs = at;
}

/** Lets time pass for all Durable Objects. */
export function advanceObjectClocks(ms: number): void {
  nowMs = (nowMs ?? Date.now()) + ms;
}
