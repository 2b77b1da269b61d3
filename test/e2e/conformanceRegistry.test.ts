import { describeConformance } from './support/conformance/describe.ts';
import { REGISTRY } from './support/conformance/origins.ts';

describeConformance(REGISTRY);
