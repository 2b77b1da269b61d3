import { parseArgs } from 'node:util';
import { diagnose, diagnoseEdge } from './doctor/diagnose.ts';
import { type Finding, linesOf } from './doctor/finding.ts';
import { parseAdminToken, parseEdgeUrl } from './edgeUrl.ts';
import { exitWithError } from './serve.ts';

const USAGE = `npm run doctor -- [OPTION...] [IMAGE]
  IMAGE               such as team/app:v1: it is asked for as docker would, with your docker login
  --config FILE       the configuration of wrangler; by default wrangler.toml
  --upstream ALIAS    which of UPSTREAMS has the image; by default the first
  --deletes           sends a DELETE, too, of a digest that nothing has; otherwise only HEADs and GETs are sent
  --edge URL          looks at a running edge, and not at the configuration
  --ns HOST           with --edge: the registry that containerd would name in ?ns=
Variables and secrets are those of the file, of .dev.vars and of the environment.
The exit code is 1 if there is a problem.`;

const OPTIONS = {
  config: { type: 'string', default: 'wrangler.toml' },
  upstream: { type: 'string' },
  deletes: { type: 'boolean' },
  edge: { type: 'string' },
  ns: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** `npm run doctor`: says in plain sentences what is wrong, what will and will not be a hit, and what to change. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  const [image, ...others] = positionals;
  if (others.length > 0) throw new Error(USAGE);
  const { config, edge, ns, upstream, deletes } = values;
  const url = edge === undefined ? undefined : parseEdgeUrl(edge);
  const sections =
    url === undefined
      ? diagnose({ configFile: config, env: process.env, image, upstream, deletes })
      : diagnoseEdge({ url, adminToken: parseAdminToken(process.env.ADMIN_TOKEN), image, ns });
  const all: Finding[] = [];
  for await (const { title, findings } of sections) {
    console.log(`\n${title}\n${findings.map(linesOf).join('\n')}`);
    all.push(...findings);
  }
  const count = (level: Finding['level']) => all.filter((finding) => finding.level === level).length;
  console.log(`\nproblems: ${count('problem')}, advice: ${count('advice')}`);
  // What was asked may have left connections open.
  process.exit(count('problem') > 0 ? 1 : 0);
}

main().catch(exitWithError);
