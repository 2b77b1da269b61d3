import { badMethod, badPath, twoReadings } from './badInput.ts';
import { createDice } from './dice.ts';
import { deleteBlob, deleteManifest, deleteTag, pushAlone, pushBroken, pushWhole } from './manifests.ts';
import { Model } from './model.ts';
import { createPool } from './pool.ts';
import type { Operation } from './reads.ts';
import {
  readAsOther,
  readBase,
  readBlob,
  readCatalog,
  readManifest,
  readReferrers,
  readTag,
  readTags,
} from './reads.ts';
import type { Draft, Step } from './step.ts';
import { goOn, mount, open, upload } from './uploads.ts';

/** How often each operation is chosen, in relation to the others. */
const OPERATIONS: readonly (readonly [weight: number, Operation])[] = [
  [20, readBlob],
  [16, readManifest],
  [8, readTag],
  [2, readAsOther],
  [4, readTags],
  [2, readCatalog],
  [1, readReferrers],
  [1, readBase],
  [4, upload],
  [2, open],
  [6, goOn],
  [4, mount],
  [5, pushWhole],
  [4, pushAlone],
  [3, pushBroken],
  [4, deleteBlob],
  [3, deleteManifest],
  [2, deleteTag],
  [4, badPath],
  [1, twoReadings],
  [2, badMethod],
];
const CHOICES = OPERATIONS.flatMap(([weight, operation]) => Array.from({ length: weight }, () => operation));

/** The headers that tell who asks; by default nobody says. */
export type Callers = readonly [Step['headers'], ...Step['headers'][]];

/**
 * After so many requests the content is new: nothing that was deleted is answered from the cache as long as its
 * tombstone lasts, so a sequence about the same few blobs would soon ask the origin alone.
 */
const STEPS_PER_AGE = 200;
const FIRST_PUSHES = 3;

/**
 * Makes a sequence. Equal seeds make sequences that differ in names and contents alone, and a longer one begins with
 * the shorter.
 * @param run as for `createPool`
 * @param callers one of them sends each request
 */
export function generateSteps(seed: number, count: number, run: string, callers: Callers = [{}]): Step[] {
  const dice = createDice(seed);
  const steps: Step[] = [];
  const finish = (draft: Draft): Step => {
    const headers = { ...dice.pick(callers), ...draft.headers };
    return { ...draft, headers, edge: dice.random() };
  };
  for (let age = 0; steps.length < count; age++) {
    const pool = createPool(run, age);
    const making = { dice, pool, model: new Model(dice, pool, age) };
    const add = (operation: Operation) => steps.push(...operation(making).map(finish));
    // What begins empty would answer many requests with 404.
    for (let push = 0; push < FIRST_PUSHES; push++) add(pushWhole);
    while (steps.length < STEPS_PER_AGE * (age + 1)) {
      const operation = dice.pick(CHOICES);
      if (operation) add(operation);
    }
  }
  return steps.slice(0, count);
}
