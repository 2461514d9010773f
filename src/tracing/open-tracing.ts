/** Opens tracing if a collector is configured; loads OpenTelemetry only then. */
import type { Tracing, TracingSettings } from './tracing.js'

/** @returns undefined without a collector */
export async function openTracing(settings: TracingSettings, serviceVersion: string): Promise<Tracing | undefined> {
  const { otelSdkDisabled, otelExporterOtlpEndpoint: endpoint, otelExporterOtlpTracesEndpoint } = settings
  const url = otelExporterOtlpTracesEndpoint || (endpoint && `${endpoint.replace(/\/$/, '')}/v1/traces`)
  if (otelSdkDisabled || url === '') return undefined
  const { openOtlpTracing } = await import('./otlp.js')
  return openOtlpTracing(url, settings, serviceVersion)
}
