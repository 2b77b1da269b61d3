import { RepositoryObject } from '../../src/stores/durable/object.ts';

let now = Date.now;

Object.defineProperty(RepositoryObject.prototype, 'now', { value: () => now() });

/** Gives all Durable Objects another clock than the machine's: a function that returns epoch ms. */
export function setObjectClock(clock: () => number): void {
  now = clock;
}
