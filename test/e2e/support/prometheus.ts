import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { request } from './http.ts';
import { freePort } from './port.ts';
import { run } from './process.ts';
import { findTool } from './tools.ts';

/** A Prometheus that scrapes an edge every second. */
export interface Prometheus {
  /** Returns the values of a query by the labels of its results, in the order of `by`. */
  query(expression: string, by: readonly string[]): Promise<Record<string, number>>;
}

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

/** Starts the real one. @param token with which it scrapes */
export async function startPrometheus(edgeHost: string, token: string): Promise<Prometheus> {
  const folder = await temporaryFolder();
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [
      {
        job_name: 'registry-edge',
        metrics_path: '/_edge/metrics',
        authorization: { credentials: token },
        static_configs: [{ targets: [edgeHost] }],
      },
    ],
  };
  // YAML includes JSON.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const program = run(findTool('prometheus') ?? 'prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
  ]);
  await program.waitFor(/Server is ready to receive web requests/);
  return {
    async query(expression, by) {
      const url = `http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`;
      const { data } = JSON.parse((await request('GET', url)).body.toString()) as { data: { result: Result[] } };
      return Object.fromEntries(
        data.result.map(({ metric, value }) => [by.map((label) => metric[label] ?? '').join(' '), Number(value[1])]),
      );
    },
  };
}

/** Returns what promtool finds to mend in a text; empty for nothing. */
export function lintMetrics(text: string): string {
  const { stdout, stderr } = spawnSync(findTool('promtool') ?? 'promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  return stdout + stderr;
}
