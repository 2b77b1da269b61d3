/// <reference path="./worker.d.ts" />
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { SECRETS as SECRETS_OF_UPSTREAMS } from '../src/config/upstreams.ts';
import { readConfiguration } from './doctor/configuration.ts';
import { checkDeployment } from './doctor/deployment.ts';
import { linesOf } from './doctor/finding.ts';
import { exitWithError } from './serve.ts';
import { readWranglerConfig, type WranglerConfig } from './wranglerConfig.ts';

const NO_ORIGIN = `nothing says which registry is behind the edge. Set ORIGIN_URL or PRESET under [vars], or deploy one of the
examples: npm run deploy -- --config examples/docker-hub/wrangler.toml`;
const NO_LOGIN = `You are not logged in to Cloudflare. Run npx wrangler login, which opens a browser, or set CLOUDFLARE_API_TOKEN;
then deploy again.`;
/** Those that are hardly ever in a wrangler.toml: nobody knows here whether they are set. */
const SECRETS = [...SECRETS_OF_UPSTREAMS, 'ADMIN_TOKEN', 'UPSTASH_REDIS_REST_TOKEN', 'AWS_ACCESS_KEY_ID'];
/** Options that give variables which the file does not have. */
const GIVES_VARIABLES = /^--(?:var|keep-vars|env)\b|^-e\b/;
const OPTIONS = {
  config: { type: 'string', short: 'c', default: 'wrangler.toml' },
  help: { type: 'boolean', short: 'h' },
} as const;

/**
 * `npm run deploy`: deploys the edge to Cloudflare, with wrangler and its options. What is missing is said in a sentence
 * before anything is uploaded, and what was deployed before goes on.
 */
async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: false });
  if (values.help) {
    process.exitCode = await run(['deploy', '--help']);
    return;
  }
  const file = String(values.config);
  const problem = args.some((arg) => GIVES_VARIABLES.test(arg)) ? '' : problemWith(await readWranglerConfig(file));
  // What a dashboard has asked for is not in the file.
  if (problem && !process.env.WORKERS_CI) throw new Error(`${file}: ${problem}`);
  if (problem) console.error(`${file}: ${problem}`);
  if (!values['dry-run'] && !process.env.CLOUDFLARE_API_TOKEN && !(await isLoggedIn())) throw new Error(NO_LOGIN);
  const code = await run(['deploy', ...args]);
  if (code === 0) return;
  const secrets = `A secret is set with npx wrangler secret put NAME --config ${file}`;
  console.error(`Nothing was deployed: wrangler says above why. ${secrets}`);
  process.exitCode = code;
}

/** Says what is missing or bad; nothing, if nothing is known to be. */
function problemWith({ variables, bindings, secrets, wrangler }: WranglerConfig): string {
  if (!variables.ORIGIN_URL && !variables.PRESET && !variables.UPSTREAMS) return NO_ORIGIN;
  const bound = Object.fromEntries(bindings.map((name) => [name, 'bound by the deploy']));
  const problems = [...checkDeployment(wrangler), ...readConfiguration({ ...variables, ...bound }).findings]
    .filter(({ level }) => level === 'problem')
    .filter(({ says }) => !isSecret(says.split(':')[0] ?? '', secrets));
  return problems.length > 0 ? ['the edge would not work:', ...problems.map(linesOf)].join('\n') : '';
}

/** Whether a variable may be set without being in the file. */
function isSecret(variable: string, required: readonly string[]): boolean {
  return variable.endsWith('_SECRET') || SECRETS.includes(variable) || required.includes(variable);
}

/** Whether somebody is logged in; wrangler itself says it if it cannot find out. */
async function isLoggedIn(): Promise<boolean> {
  const wrangler = spawn('wrangler', ['whoami', '--json'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  wrangler.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await once(wrangler, 'close');
  return !/"loggedIn":\s*false/.test(output);
}

async function run(args: readonly string[]): Promise<number> {
  const [code] = await once(spawn('wrangler', args, { stdio: 'inherit' }), 'close');
  return code ?? 1;
}

main(process.argv.slice(2)).catch(exitWithError);
