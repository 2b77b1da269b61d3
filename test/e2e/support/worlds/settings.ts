/** Another seed makes other requests: `WORLDS_SEED=7 npm run test:e2e -- test/e2e/worlds.test.ts`. */
export const SEED = Number(process.env.WORLDS_SEED ?? 20261126);
/** The requests of all tests together. */
export const REQUESTS = Number(process.env.WORLDS_REQUESTS ?? 10_000);
/** The places of the only requests that are sent, as a divergence names them. */
export const ONLY = process.env.WORLDS_STEPS?.split(',').map(Number);
/** Far more than a request takes on a busy machine. */
export const MS_PER_REQUEST = 50;
/** For the start, and to shorten the sequence after a divergence. */
export const MORE_MS = 180_000;
