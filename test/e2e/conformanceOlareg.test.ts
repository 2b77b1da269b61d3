import { describeConformance } from './support/conformance/describe.ts';
import { OLAREG } from './support/conformance/origins.ts';

describeConformance(OLAREG);
