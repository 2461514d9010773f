/** Settings: logs, metrics and traces. */
import { Type } from 'typebox'

export const telemetrySettings = {
  metricsPort: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 65535,
    description: 'Separate port for `/metrics`, which is then served only there; 0: `/metrics` is on `PORT`.',
  }),
  metricsOpen: Type.Boolean({ default: false, description: 'Allow reading `/metrics` without a key.' }),
  metricsGalleriesMax: Type.Integer({
    default: 100,
    minimum: 0,
    maximum: 100_000,
    description: 'Number of largest galleries with their own series in the metrics; the others are summed.',
  }),
  recallSampleEvery: Type.Integer({
    default: 200,
    minimum: 0,
    maximum: 1_000_000_000,
    description:
      'One in this many graph searches is repeated exactly in the background, for the recall metric; 0: none.',
  }),
  driftQueries: Type.Integer({
    default: 1_000,
    minimum: 20,
    maximum: 1_000_000,
    description:
      'Number of most recent queries, compared with as many of the first queries of the model and with its calibration.',
  }),
  otelExporterOtlpEndpoint: Type.String({
    default: '',
    pattern: '^$|^https?://\\S+$',
    accepts: 'an address that begins with http:// or https://',
    description: 'OpenTelemetry collector for traces as OTLP over HTTP (`/v1/traces` below it); none: no traces.',
  }),
  otelExporterOtlpTracesEndpoint: Type.String({
    default: '',
    pattern: '^$|^https?://\\S+$',
    accepts: 'an address that begins with http:// or https://',
    description: 'Full URL for traces, instead of `OTEL_EXPORTER_OTLP_ENDPOINT`.',
  }),
  otelExporterOtlpHeaders: Type.String({
    default: '',
    description: 'Headers for the collector, `name=value`, separated by commas. Read by the exporter itself.',
  }),
  otelServiceName: Type.String({ default: 'alike', minLength: 1, description: 'Name of this service in traces.' }),
  otelTracesSampler: Type.Enum(
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    { default: 'parentbased_always_on', description: 'Sampler for traces.' },
  ),
  otelTracesSamplerArg: Type.String({
    default: '',
    description: 'Sampling ratio from 0 to 1, for ratio samplers; none: all.',
  }),
  otelSdkDisabled: Type.Boolean({ default: false, description: 'Disable traces, whatever else is set.' }),
}
