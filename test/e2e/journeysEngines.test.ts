import { describeJourneys } from './support/journeys/describe.ts';
import { ENGINES } from './support/journeys/engines.ts';

describeJourneys(ENGINES);
