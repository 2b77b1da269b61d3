import type { Client } from '../../e2e/support/journeys/client.ts';
import { Findings } from './findings.ts';
import { FIRST, type Journey, PUSH_LIMIT_MS, type Size, STAGES } from './plan.ts';
import { Traveller } from './traveller.ts';
import { startRoads, WAY_NAMES, type WayName } from './ways.ts';

/** Makes a client's journeys with images of one size, on each way in turn; a way on which something fails is left. */
export async function tour(client: Client, size: Size, rounds: number): Promise<Findings> {
  const findings = new Findings();
  /** On the ways on which nothing has failed. */
  const travellers = new Map<WayName, Traveller>();
  /** Does what a journey needs. @returns whether that succeeded */
  async function attempt(way: WayName, journey: Journey, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      findings.fail(way, journey, error);
      travellers.delete(way);
      return false;
    }
  }

  const startWay = await startRoads(size.windowMs);
  const session = await client.open({ env: {}, limitMs: PUSH_LIMIT_MS });
  for (const name of WAY_NAMES) {
    await attempt(name, FIRST, async () => {
      const traveller = new Traveller(await startWay(name), session, size);
      await traveller.warmUp();
      travellers.set(name, traveller);
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, traveller] of travellers) await attempt(name, FIRST, () => traveller.prepare(`app-${round}`));
    for (const stage of STAGES) {
      for (const [name, traveller] of travellers) {
        for (const journey of stage) {
          const push = async () => findings.add(name, journey, await traveller.push(journey));
          if (!(await attempt(name, journey, push))) break;
        }
      }
    }
  }
  return findings;
}
