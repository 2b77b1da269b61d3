import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diagnose, diagnoseEdge, type EdgeQuestion, type Section } from '../../../local/doctor/diagnose.ts';
import type { Finding } from '../../../local/doctor/finding.ts';
import { temporaryFolder } from './cleanup.ts';
import type { Outcome } from './command.ts';
import { inProject } from './project.ts';

/** What is examined. */
export interface Patient {
  /** What is changed in the project's own wrangler.toml: each text by another one. */
  readonly toml?: readonly (readonly [text: string, replacement: string])[];
  readonly variables?: Readonly<Record<string, string>>;
  /** The text of `.dev.vars`. */
  readonly devVars?: string;
  readonly image?: string;
  readonly deletes?: boolean;
}

/** Writes a wrangler.toml in a folder of its own. */
async function writeToml({ toml: changes = [], devVars }: Patient): Promise<string> {
  let toml = await readFile(inProject('wrangler.toml'), 'utf8');
  for (const [text, replacement] of changes) {
    if (!toml.includes(text)) throw new Error(`wrangler.toml: expected ${JSON.stringify(text)}`);
    toml = toml.replace(text, replacement);
  }
  const folder = await temporaryFolder();
  const file = join(folder, 'wrangler.toml');
  await writeFile(file, toml);
  if (devVars !== undefined) await writeFile(join(folder, '.dev.vars'), devVars);
  return file;
}

/** Examines a configuration as `npm run doctor` does, in this process. */
export async function examine(patient: Patient): Promise<Finding[]> {
  const { variables = {}, image, deletes } = patient;
  return findingsOf(diagnose({ configFile: await writeToml(patient), env: variables, image, deletes }));
}

/** The same for a running edge. */
export function examineEdge(question: EdgeQuestion): Promise<Finding[]> {
  return findingsOf(diagnoseEdge(question));
}

async function findingsOf(sections: AsyncIterable<Section>): Promise<Finding[]> {
  const all: Finding[] = [];
  for await (const { findings } of sections) all.push(...findings);
  return all;
}

/** Returns the problems, each with what to change, in one line. */
export function problemsOf(findings: readonly Finding[]): string[] {
  return withLevel(findings, 'problem');
}

export function adviceOf(findings: readonly Finding[]): string[] {
  return withLevel(findings, 'advice');
}

function withLevel(findings: readonly Finding[], wanted: Finding['level']): string[] {
  return findings
    .filter(({ level }) => level === wanted)
    .map(({ says, change }) => (change === undefined ? says : `${says} -> ${change}`));
}

/** Runs `npm run doctor`, without npm. */
export async function runDoctor(patient: Patient): Promise<Outcome> {
  const { variables = {}, image, deletes } = patient;
  const args = [
    ...['--config', await writeToml(patient)],
    ...(deletes ? ['--deletes'] : []),
    ...(image === undefined ? [] : [image]),
  ];
  const options = { env: { PATH: process.env.PATH, HOME: await temporaryFolder(), ...variables } };
  return new Promise((resolve) => {
    execFile(process.execPath, [inProject('local/doctor.ts'), ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr });
    });
  });
}
