import { MetricsObject } from '../../src/metrics/object.ts';
import { RepositoryObject } from '../../src/stores/durable/object.ts';

let now = Date.now;

for (const { prototype } of [RepositoryObject, MetricsObject]) {
  Object.defineProperty(prototype, 'now', { value: () => now() });
}

/** Gives all Durable Objects another clock than the machine's: a function that returns epoch ms. */
export function setObjectClock(clock: () => number): void {
  now = clock;
}
