import type { Unstable_Config as WranglerConfig } from 'wrangler';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { variableNames } from '../../src/config/config.ts';
import { SECRETS } from '../../src/config/upstreams.ts';
import { advice, type Finding, ok, problem } from './finding.ts';
import { nearest } from './nearest.ts';

type Check = (wrangler: WranglerConfig) => Finding[];

/** The flags that the Worker is tested with, and what happens without them. */
const FLAGS = {
  enable_request_signal: 'a client that leaves does not end the request to the origin that was made for it',
  new_module_registry: 'every isolate compiles the Redis client at its start',
} as const;
/** The first date with which the Worker was tested. */
const COMPATIBILITY_DATE = '2026-07-01';
/** The classes of Durable Objects, by the names under which they are bound. */
const CLASSES = { REPOSITORIES: 'RepositoryObject', METRICS: 'MetricsObject' };

const checkCache: Check = ({ exports }) =>
  exports?.default?.type === 'worker' && exports.default.cache?.enabled === false
    ? []
    : [
        problem(
          'Workers Cache is not switched off: it would answer in front of the Worker, past every delete, and for everybody',
          'set cache = { enabled = false } and type = "worker" in [exports.default]',
        ),
      ];

const checkFlags: Check = ({ compatibility_flags }) =>
  Object.entries(FLAGS)
    .filter(([flag]) => !compatibility_flags.includes(flag))
    .map(([flag, effect]) =>
      problem(`without the compatibility flag ${flag}, ${effect}`, `add it to compatibility_flags`),
    );

const checkDate: Check = ({ compatibility_date = '' }) =>
  compatibility_date >= COMPATIBILITY_DATE
    ? []
    : [
        problem(
          `compatibility_date is ${compatibility_date || 'missing'}: the Worker was never tested with a runtime that old`,
          `set it to ${COMPATIBILITY_DATE}`,
        ),
      ];

const checkModules: Check = ({ main = '', no_bundle, rules }) =>
  no_bundle &&
  main.endsWith('/dist/index.js') &&
  rules.some(({ type, globs }) => type === 'ESModule' && globs.includes('*.js'))
    ? []
    : [
        problem(
          'wrangler would not deploy the modules as npm run build makes them',
          'set main = "dist/index.js", no_bundle = true and rules = [{ type = "ESModule", globs = ["*.js"] }]',
        ),
      ];

const checkObjects: Check = (wrangler) =>
  Object.entries(CLASSES).flatMap(([name, className]) => checkObject(wrangler, name, className));

function checkObject({ durable_objects, migrations }: Parameters<Check>[0], name: string, className: string) {
  const bound = durable_objects.bindings.find((binding) => binding.name === name);
  if (!bound) return [];
  if (bound.class_name !== className && !bound.script_name) {
    return [problem(`${name} is bound to the class ${bound.class_name}`, `set class_name = "${className}"`)];
  }
  const isCreated = migrations.some(({ new_sqlite_classes = [] }) => new_sqlite_classes.includes(className));
  if (bound.script_name || isCreated) return [];
  return [
    problem(
      `no migration creates the class ${className} with SQLite, so Cloudflare refuses the deploy`,
      `add [[migrations]] with a new tag and new_sqlite_classes = ["${className}"]`,
    ),
  ];
}

const checkSecrets: Check = ({ vars }) =>
  Object.keys(vars)
    .filter((name) => SECRETS.includes(name) || name.endsWith('_TOKEN'))
    .map((name) =>
      problem(
        `${name} is a secret, and stands in the configuration of wrangler`,
        `remove it, change it, and run npx wrangler secret put ${name}`,
      ),
    );

const checkNames: Check = ({ vars }) => {
  const known = variableNames(BACKENDS, vars.UPSTREAMS);
  return Object.keys(vars)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const meant = nearest(name, known);
      return advice(
        `${name} is no variable of the edge, so it has no effect`,
        meant ? `rename it to ${meant}, or remove it` : 'remove it; docs/configuration.md has all variables',
      );
    });
};

const CHECKS: readonly Check[] = [
  checkCache,
  checkFlags,
  checkDate,
  checkModules,
  checkObjects,
  checkSecrets,
  checkNames,
];

/** Checks what `npm run deploy` would deploy, besides the values of the variables. */
export function checkDeployment(wrangler: WranglerConfig): Finding[] {
  const findings = CHECKS.flatMap((check) => check(wrangler));
  return findings.length > 0 ? findings : [ok('the configuration of wrangler deploys the Worker as it was tested')];
}
