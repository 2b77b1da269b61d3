import { BYTE_BACKENDS } from '../../src/assembleBytes.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { type Config, ConfigError, parseConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/settings.ts';
import { advice, type Finding, ok, problem } from './finding.ts';

export interface Configuration {
  /** `undefined`: the Worker would answer every request with a 503. */
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

/** Reads the configuration as the Worker does when it starts. */
export function readConfiguration(env: Environment): Configuration {
  try {
    const config = parseConfig(env, BACKENDS, BYTE_BACKENDS);
    const warnings = config.warnings.map((warning) => advice(warning));
    const good = ok(`every variable is valid; descriptors are in ${config.backend.kind}`);
    return { config, findings: [good, ...warnings] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: undefined, findings: problemsIn(error.message) };
  }
}

/** Returns a finding for each line of a message that lists what is bad. */
export function problemsIn(message: string): Finding[] {
  const [, ...problems] = message.split('\n').map((line) => line.trim());
  return problems.map((each) =>
    /_TOKEN: expected a token|_SECRET: expected the name/.test(each)
      ? problem(
          each,
          'if npx wrangler secret put has set it, give it to the doctor, too: in .dev.vars or the environment',
        )
      : problem(each),
  );
}
