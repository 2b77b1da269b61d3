import type { AnalyticsDataset } from '../metrics/analytics.ts';
import type { MetricsNamespace } from '../metrics/rpc.ts';
import { LOG_LEVELS, type LogLevel } from '../telemetry/log.ts';
import { oneOf, variable } from './forms.ts';
import { type Placed, readPlacement } from './placement.ts';
import type { Settings } from './settings.ts';
import { optionalToken } from './upstreamForms.ts';

/** What is told of requests, and to whom. */
export interface TelemetryConfig {
  readonly logLevel: LogLevel;
  /** The share of requests whose debug lines are written whatever the level is. */
  readonly debugSample: number;
  /** `METRICS_TOKEN`: opens the paths of the metrics, as the `ADMIN_TOKEN` does. */
  readonly metricsToken: string | undefined;
  /** Returns the binding `METRICS`; `undefined` where there is none, or nobody could read what it gathers. */
  readonly metrics: (() => Placed<MetricsNamespace>) | undefined;
  /** The binding `ANALYTICS`. */
  readonly analytics: AnalyticsDataset | undefined;
}

export const TELEMETRY_VARIABLES = ['METRICS_TOKEN', 'LOG_LEVEL', 'DEBUG_SAMPLE'] as const;

/** Reads it; what is bad is reported, and `undefined` in its place. */
export function readTelemetry(settings: Settings, adminToken: string | undefined) {
  const metricsToken = settings.read('METRICS_TOKEN', optionalToken())?.token;
  const isReadable = adminToken !== undefined || metricsToken !== undefined;
  const objects = isReadable ? settings.optionalBinding<MetricsNamespace>('METRICS') : undefined;
  return {
    logLevel: settings.read('LOG_LEVEL', oneOf('info', LOG_LEVELS)),
    debugSample: settings.read('DEBUG_SAMPLE', share()),
    metricsToken,
    metrics: objects && readPlacement(settings, objects),
    analytics: settings.optionalBinding<AnalyticsDataset>('ANALYTICS'),
  };
}

/** Returns a warning about a token that guards nothing. */
export function tokenWithoutMetrics({
  metricsToken,
  metrics,
}: Pick<TelemetryConfig, 'metricsToken' | 'metrics'>): string[] {
  if (metricsToken === undefined || metrics) return [];
  return ['METRICS_TOKEN has no effect without the binding METRICS: bind it, as wrangler.toml does'];
}

/** A number from 0 to 1. */
function share() {
  return variable('0', 'expected a share of the requests from 0 to 1, such as 0.01', (value) =>
    /^(?:0|1|0?\.[0-9]{1,6})$/.test(value) ? Number(value) : undefined,
  );
}
