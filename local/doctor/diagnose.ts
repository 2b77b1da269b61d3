import { parseImage } from '../../src/oci/image.ts';
import { createAsking } from './asking.ts';
import { readConfiguration } from './configuration.ts';
import { checkDeployment } from './deployment.ts';
import { checkEdge } from './edge.ts';
import { expectHits } from './expectations.ts';
import { advice, type Finding } from './finding.ts';
import { checkImage } from './image.ts';
import { checkOrigin } from './origin.ts';
import { readProject } from './project.ts';
import { trySimulated } from './simulated.ts';
import { checkStore } from './store.ts';
import { tryImage } from './trial.ts';

export interface Question {
  /** The configuration of wrangler. */
  readonly configFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** An image to ask for. */
  readonly image?: string | undefined;
  /** One of `UPSTREAMS`; by default the first upstream. */
  readonly upstream?: string | undefined;
  /** Whether a DELETE is tried. */
  readonly deletes?: boolean | undefined;
}

/** What was found out about one thing. */
export interface Section {
  readonly title: string;
  readonly findings: readonly Finding[];
}

/** Looks for mistakes in what would be deployed, and for what will not be a hit. */
export async function* diagnose(question: Question): AsyncGenerator<Section> {
  const { configFile, env: processEnv, image } = question;
  if (image !== undefined) parseImage(image);
  const { wrangler, env } = await readProject(configFile, processEnv);
  yield { title: `deployment (${configFile})`, findings: checkDeployment(wrangler) };
  const { config, findings } = readConfiguration(env);
  yield { title: 'configuration', findings };
  if (!config) return;
  yield { title: 'what to expect', findings: expectHits(config) };
  yield { title: `store (${config.backend.kind})`, findings: await checkStore(config, env) };
  const named = question.upstream ?? config.upstreams[0].alias;
  const chosen = config.upstreams.find(({ alias }) => alias === named);
  if (!chosen) throw new Error(`--upstream: expected one of ${config.upstreams.map(({ alias }) => alias || '(none)')}`);
  for (const upstream of config.upstreams) {
    const asking = createAsking(upstream);
    const name = upstream.alias && `${upstream.alias}, `;
    const answered = await checkOrigin(asking);
    yield { title: `origin (${name}${upstream.originUrl.host})`, findings: answered };
    if (upstream !== chosen || answered.some(({ level }) => level === 'problem')) continue;
    if (image === undefined) {
      const says = 'nothing was asked about an image: redirects, referrers and hits are not known';
      yield { title: 'image', findings: [advice(says, 'name one: npm run doctor -- team/app:v1')] };
      continue;
    }
    const asked = await checkImage(asking, image, question.deletes ?? false);
    yield { title: `image (${image}, at the origin)`, findings: asked };
    if (asked.some(({ level }) => level === 'problem')) continue;
    yield { title: `image (${image}, through the edge)`, findings: await trySimulated(config, upstream, env, image) };
  }
}

export interface EdgeQuestion {
  /** The address of a running edge. */
  readonly url: string;
  readonly adminToken?: string | undefined;
  readonly image?: string | undefined;
  readonly ns?: string | undefined;
}

/** Looks at a running edge, from where its clients are. */
export async function* diagnoseEdge({ url, adminToken, image, ns }: EdgeQuestion): AsyncGenerator<Section> {
  if (image !== undefined) parseImage(image);
  const findings = await checkEdge(url, adminToken);
  yield { title: `edge (${url})`, findings };
  if (findings.some(({ level }) => level === 'problem')) return;
  if (image !== undefined) return yield { title: `image (${image})`, findings: await tryImage({ url, image, ns }) };
  yield {
    title: 'image',
    findings: [advice('an image is needed to see what is a hit', 'name one: npm run doctor -- --edge URL team/app:v1')],
  };
}
