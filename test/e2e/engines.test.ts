import { beforeAll, expect, test } from 'vitest';
import { type Outcome, SUCCESS } from './support/command.ts';
import { type Image, makeImage } from './support/image.ts';
import type { Session } from './support/journeys/client.ts';
import { ENGINES } from './support/journeys/engines.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeSetups, EVERY_STORE, type Setup, type Started, startSetup } from './support/setups.ts';
import { storedBy } from './support/storage.ts';

interface Step {
  readonly what: string;
  go(session: Session, image: Image, repository: string): Promise<Outcome>;
}
/** In this order. A copy comes from what was pulled last. */
const STEPS: readonly Step[] = [
  { what: 'a push', go: (session, image, to) => session.push(image, `${to}:v1`) },
  { what: 'the same push again', go: (session, image, to) => session.push(image, `${to}:v1`) },
  { what: 'a pull', go: (session, _image, from) => session.pull(`${from}:v1`) },
  { what: 'a second tag', go: (session, image, to) => session.retag(image, `${to}:v1`, `${to}:v2`) },
  { what: 'a copy', go: (session, image, from) => session.copy(image, `${from}:v1`, `${from}-copy:v1`) },
];
const STEPS_OF_ALL = ENGINES.flatMap(({ name }) => STEPS.map((step) => ({ ...step, name })));
const PULLS = ENGINES.flatMap((by) => ENGINES.map((of) => ({ by: by.name, of: of.name })));

/** An engine of its own for each side, so that neither knows what the other one did. */
interface Pair {
  readonly through: Session;
  readonly direct: Session;
  readonly image: Image;
}

function engines({ kind, ...setup }: Setup): void {
  let started: Started;
  /** The registry on which the same is done without the edge. */
  let reference: Registry;
  const pairs = new Map<string, Pair>();
  const pairOf = (name: string) => pairs.get(name) as Pair;
  beforeAll(async () => {
    reference = await startRegistry({ kind });
    started = await startSetup({ kind, ...setup });
    for (const engine of ENGINES) {
      const [through, direct] = [await engine.open({ env: {} }), await engine.open({ env: {} })];
      const image = await makeImage(`${engine.name} ${Date.now()}`);
      for (const session of [through, direct]) await session.load(image);
      pairs.set(engine.name, { through, direct, image });
    }
  });

  test.for(STEPS_OF_ALL)('$what with $name: the registry has the same as without the edge', async ({ name, go }) => {
    const { through, direct, image } = pairOf(name);
    expect(await go(through, image, `${started.edge.host}/${name}`)).toMatchObject(SUCCESS);
    expect(await go(direct, image, `${reference.host}/${name}`)).toMatchObject(SUCCESS);
    expect(await storedBy(started.origin)).toEqual(await storedBy(reference));
  });

  test.for(PULLS)('$by pulls what $of pushed and copied', async ({ by, of }) => {
    expect(await pairOf(by).through.pull(`${started.edge.host}/${of}-copy:v1`)).toMatchObject(SUCCESS);
  });
}

const TOOLS = ENGINES.flatMap(({ tools }) => tools);
describeSetups([...new Set(TOOLS)], 'docker, containerd and podman', engines, EVERY_STORE);
