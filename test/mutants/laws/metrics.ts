import type { Breakage } from '../mutation.ts';

/** Counts are exact, bounded, and nobody's but the operator's. */
export const METRICS: readonly Breakage[] = [
  {
    wrong: 'a batch counts twice whose confirmation was lost',
    file: 'src/metrics/ledger.ts',
    text: 'if (batch.sequence <= last) continue;',
    replacement: 'if (batch.sequence < last) continue;',
    caughtBy: 'test/metrics/ledger.test.ts',
  },
  {
    wrong: 'a batch that was sent is added to',
    file: 'src/metrics/gatherer.ts',
    text: 'gathered = new Gathered();\n  }',
    replacement: 'void Gathered;\n  }',
    caughtBy: 'test/metrics/gatherer.test.ts',
  },
  {
    wrong: 'every request arms a delivery of its own',
    file: 'src/metrics/gatherer.ts',
    text: 'if (nowMs < armedUntil) return;',
    replacement: 'if (nowMs < 0) return;',
    caughtBy: 'test/metrics/gatherer.test.ts',
  },
  {
    wrong: 'a batch is confirmed before it is stored',
    file: 'src/metrics/object.ts',
    text: 'await this.#storing;',
    replacement: 'void this.#storing;',
    caughtBy: 'test/metrics/object.test.ts',
  },
  {
    wrong: 'the METRICS_TOKEN opens what the ADMIN_TOKEN guards',
    file: 'src/routes/admin/routes.ts',
    text: 'const { upstreams, adminToken } = options;',
    replacement: 'const { upstreams, metricsToken: adminToken } = options;',
    caughtBy: 'test/routes/admin/metrics.test.ts',
    title: 'opens nothing else',
  },
  {
    wrong: 'any number of tokens can be tried',
    file: 'src/routes/admin/routes.ts',
    text: 'if (failures.isBlocked(address, ctx.now())) throw',
    replacement: 'if (failures.isBlocked(address, 0)) throw',
    caughtBy: 'test/routes/admin/metrics.test.ts',
    title: 'refuses an address',
  },
  {
    wrong: 'a malformed trace is handed on to the origin',
    file: 'src/http/headers.ts',
    text: "headers.delete('traceparent');\n",
    replacement: '',
    caughtBy: 'test/telemetry/trace.test.ts',
  },
  {
    wrong: 'the storage to which an origin redirects gets the trace',
    file: 'src/origin/client.ts',
    text: "headers.set('cdn-loop', redirectLoop.mark(ctx.request.headers));\n    return headers;",
    replacement:
      "headers.set('cdn-loop', redirectLoop.mark(ctx.request.headers));\n    return withTrace(headers, ctx.trace, askedAs);",
    caughtBy: 'test/telemetry/trace.test.ts',
  },
];
