import { beforeAll, describe, expect, it } from 'vitest';
import { ACTIONS, type Action, READS } from '../support/leaks/actions.ts';
import { CALLERS, type Caller, hasRight, PLACES, type Place } from '../support/leaks/callers.ts';
import type { Mode } from '../support/leaks/guard.ts';
import { MODES, World, type WorldOptions } from '../support/leaks/world.ts';

/**
 * Who gets what, in every mode, from an edge that knows nothing and from one that knows everything: nobody gets more than
 * the caller's own right, and a warm cache never grants what a cold one refuses.
 */
const WORLDS = MODES.flatMap((mode) =>
  [false, true].flatMap((isWarm) =>
    [false, true].flatMap((redirects) =>
      [false, true].map((keepsBytes) => ({ ...mode, isWarm, redirects, keepsBytes })),
    ),
  ),
);
/** The storage of the origin, and bytes at the edge, make a difference for blobs only. */
const isOfBlobs = ({ name }: Action) => name.includes('blob');

const actionsOf = ({ redirects, keepsBytes }: WorldOptions) =>
  redirects || keepsBytes ? ACTIONS.filter(isOfBlobs) : ACTIONS;

it('has at least 5,000 cells', () => {
  const cells = WORLDS.reduce((sum, made) => sum + CALLERS.length * actionsOf(made).length * PLACES.length, 0);
  expect(cells).toBeGreaterThanOrEqual(5_000);
});

describe.each(WORLDS)(
  'CLIENT_AUTH=$clientAuth, the origin is asked $asks, warm: $isWarm, redirects: $redirects, keeps bytes: $keepsBytes',
  (made) => {
    let world: World;
    beforeAll(async () => {
      world = await World.create(made, made);
      await world.restore();
      const pullers: [Caller, Place][] = [
        ['pusher', 'mine'],
        ['reader', 'mine'],
        ['neighbour', 'foreign'],
      ];
      for (const [caller, place] of made.isWarm ? [...pullers, ...pullers] : []) {
        for (const action of READS) await action.send(world, place, world.loginOf(caller));
      }
    });

    it.each(CALLERS)('%s gets no more than its own right', async (caller) => {
      const all = actionsOf(made).flatMap((action) => PLACES.map((place) => ({ action, place })));
      const isAllowed = ({ action, place }: Cell) => mayHave(made, caller, action, place);
      const before = await world.asked();
      const leaks: string[] = [];
      for (const cell of all.filter((each) => !isAllowed(each))) {
        const answer = await cell.action.send(world, cell.place, world.loginOf(caller));
        leaks.push(...(await revealedBy(world, answer)).map((what) => `${cell.action.name} in ${cell.place}: ${what}`));
      }
      expect(leaks).toEqual([]);
      // Where the edge itself knows the callers, nobody else is asked.
      if (made.clientAuth === 'basic') expect((await world.asked()) - before).toBe(0);
      const denied: string[] = [];
      for (const { action, place } of all.filter(isAllowed)) {
        const { status } = await action.send(world, place, world.loginOf(caller));
        if (!statusesOf(made, caller, action).includes(status)) denied.push(`${action.name} in ${place}: ${status}`);
        if (action.needs !== 'pull') await world.restore();
      }
      expect(denied).toEqual([]);
    });
  },
);

interface Cell {
  readonly action: Action;
  readonly place: Place;
}

/** Whether the caller may have the answer. Written down once more, in other words than those of the edge. */
function mayHave({ clientAuth, asks }: Mode, caller: Caller, { needs, isOfUpload }: Action, place: Place): boolean {
  if (needs === 'none') return false;
  if (needs === 'catalog') {
    if (clientAuth === 'basic') return caller === 'lister';
    // The origin shows it to everybody; with an account it is not asked.
    return asks === 'as the caller' || asks === 'as nobody';
  }
  if (place === 'secret') return false;
  if (clientAuth === 'anonymous') return needs === 'pull';
  // Whose an upload is, an origin that knows its callers judges itself.
  const isOwn = !isOfUpload || clientAuth === 'origin' || caller === (place === 'mine' ? 'pusher' : 'neighbour');
  return isOwn && hasRight(caller, needs, place);
}

/** Returns the statuses of an answer that the caller may have. */
function statusesOf({ clientAuth }: Mode, caller: Caller, { allowed, source }: Action): readonly number[] {
  if (!source) return allowed;
  // An origin that knows its callers judges mounts itself: this one allows all.
  return clientAuth === 'origin' || hasRight(caller, 'pull', source) ? [201] : [202];
}

/** Returns what an answer tells that is none of the caller's business. */
async function revealedBy(world: World, answer: Response): Promise<string[]> {
  const body = await answer.text();
  const shown: string[] = [];
  if (![401, 403, 404, 405].includes(answer.status)) shown.push(`status ${answer.status}`);
  for (const name of ['docker-content-digest', 'etag', 'location', 'link', 'content-range', 'cache-status']) {
    if (answer.headers.has(name)) shown.push(`${name}: ${answer.headers.get(name)}`);
  }
  for (const place of PLACES) {
    const { blob, manifest } = world.content[place];
    if ([blob.bytes, manifest.bytes, `tag-of-${place}`].some((text) => body.includes(text)))
      shown.push(`what ${place} has`);
  }
  return shown;
}
