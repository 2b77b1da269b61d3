import { ARCHIVE } from './laws/archive.ts';
import { BYTES } from './laws/bytes.ts';
import { COOLDOWN } from './laws/cooldown.ts';
import { LAW_9_DOCTOR } from './laws/doctor.ts';
import { LAW_1_IDENTITIES } from './laws/identities.ts';
import { LAW_1_CALLERS } from './laws/law1Callers.ts';
import { LAW_1_GRANTS } from './laws/law1Grants.ts';
import { LAW_1_TOKENS } from './laws/law1Tokens.ts';
import { LAW_4_CHECK } from './laws/law4Check.ts';
import { LAW_4_HEAL } from './laws/law4Heal.ts';
import { LAW_4_WINDOWS } from './laws/law4Windows.ts';
import { LAW_5 } from './laws/law5.ts';
import { LAW_6 } from './laws/law6.ts';
import { LAW_7_DELETES } from './laws/law7Deletes.ts';
import { LAW_7_TOMBSTONES } from './laws/law7Tombstones.ts';
import { LAW_9 } from './laws/law9.ts';
import { LAW_9_HANDSHAKE } from './laws/law9Handshake.ts';
import { LAW_2, LAW_3 } from './laws/laws2And3.ts';
import { LAW_8, LAW_10 } from './laws/laws8And10.ts';
import { LENT_ACCOUNT } from './laws/lentAccount.ts';
import { METRICS } from './laws/metrics.ts';
import { PAGE } from './laws/page.ts';
import { POLICIES } from './laws/policies.ts';
import { ONE_QUESTION, WHO_MAY_PUSH } from './laws/principles.ts';
import { PULL_BUDGET } from './laws/pullBudget.ts';
import { SEVERAL_UPSTREAMS } from './laws/severalUpstreams.ts';
import { LAW_1_USERS } from './laws/users.ts';
import type { Breakage, Law, Mutation } from './mutation.ts';

const of = (law: Law, ...lists: readonly (readonly Breakage[])[]): Mutation[] =>
  lists.flat().map((breakage) => ({ law, ...breakage }));

/** All mutations, law by law. */
export const MUTATIONS: readonly Mutation[] = [
  ...of('1', LAW_1_GRANTS, LAW_1_CALLERS, LAW_1_TOKENS, LAW_1_USERS, LAW_1_IDENTITIES),
  ...of('2', LAW_2),
  ...of('3', LAW_3),
  ...of('4', LAW_4_WINDOWS, LAW_4_CHECK, LAW_4_HEAL),
  ...of('5', LAW_5),
  ...of('6', LAW_6),
  ...of('7', LAW_7_TOMBSTONES, LAW_7_DELETES),
  ...of('8', LAW_8),
  ...of('9', LAW_9, LAW_9_HANDSHAKE, LAW_9_DOCTOR),
  ...of('10', LAW_10),
  ...of('who may push', WHO_MAY_PUSH),
  ...of('one question', ONE_QUESTION),
  ...of('several upstreams', SEVERAL_UPSTREAMS),
  ...of('lent account', LENT_ACCOUNT),
  ...of('policies', POLICIES, COOLDOWN),
  ...of('pull budget', PULL_BUDGET),
  ...of('metrics', METRICS),
  ...of('bytes', BYTES),
  ...of('archive', ARCHIVE),
  ...of('page', PAGE),
];
