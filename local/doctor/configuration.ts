import { BYTE_BACKENDS } from '../../src/assembleBytes.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { type Config, ConfigError, parseConfig } from '../../src/config/config.ts';
import { type Environment, isSet } from '../../src/config/settings.ts';
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
    return { config: undefined, findings: problemsIn(error.message, env) };
  }
}

/**
 * Returns a finding for each line of a message that lists what is bad.
 * @param env where the variables were looked for; by default where secrets are, too
 */
export function problemsIn(message: string, env?: Environment): Finding[] {
  const [, ...problems] = message.split('\n').map((line) => line.trim());
  return problems.map((each) =>
    env && (/_SECRET: expected the name/.test(each) || lacksToken(each, env))
      ? problem(
          each,
          'if npx wrangler secret put has set it, give it to the doctor, too: in .dev.vars or the environment',
        )
      : problem(each),
  );
}

/** Whether a problem is about a token that is not set. */
function lacksToken(each: string, env: Environment): boolean {
  const [, name] = /^(\w+_TOKEN): expected a token/.exec(each) ?? [];
  return name !== undefined && !isSet(env, name);
}
