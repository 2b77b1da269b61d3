import { describeJourneys } from './support/journeys/describe.ts';
import { PROGRAMS } from './support/journeys/programs.ts';

describeJourneys(PROGRAMS);
