import { beforeAll } from 'vitest';
import { OBJECTS } from './durableStore.ts';

// The first object of a run loads the Worker, which may take longer than a store may.
beforeAll(() => OBJECTS.get(OBJECTS.idFromName('first')).readContent(''));
