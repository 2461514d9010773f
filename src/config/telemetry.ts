/** Settings: what the service tells of itself. */
import { Type } from 'typebox'

export const telemetrySettings = {
  metricsPort: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 65535,
    description: 'Port of its own for `/metrics`, which is nowhere else then; 0: it is on `PORT`.',
  }),
  metricsOpen: Type.Boolean({ default: false, description: 'Let `/metrics` be read without a key.' }),
  metricsGalleriesMax: Type.Integer({
    default: 100,
    minimum: 0,
    maximum: 100_000,
    description: 'Galleries that have series of their own in the metrics, the largest; the others are told as one sum.',
  }),
  recallSampleEvery: Type.Integer({
    default: 200,
    minimum: 0,
    maximum: 1_000_000_000,
    description:
      'One search by the graph in so many is repeated exactly in the background, for the recall in the metrics; 0: none.',
  }),
  driftQueries: Type.Integer({
    default: 1_000,
    minimum: 20,
    maximum: 1_000_000,
    description:
      'The last queries, so many, are held against as many first ones of the model and against its calibration.',
  }),
  otelExporterOtlpEndpoint: Type.String({
    default: '',
    pattern: '^$|^https?://\\S+$',
    form: 'an address',
    description:
      'OpenTelemetry collector that takes traces as OTLP over HTTP (`/v1/traces` below it); none: no traces.',
  }),
  otelExporterOtlpTracesEndpoint: Type.String({
    default: '',
    pattern: '^$|^https?://\\S+$',
    form: 'an address',
    description: 'The whole address for traces, in place of that.',
  }),
  otelExporterOtlpHeaders: Type.String({
    default: '',
    description: 'Headers for the collector, `name=value`, separated by commas. The exporter reads it by itself.',
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
    { default: 'parentbased_always_on', description: 'Which traces are kept.' },
  ),
  otelTracesSamplerArg: Type.String({
    default: '',
    description: 'Share of them, from 0 to 1, for the samplers by ratio; none: all.',
  }),
  otelSdkDisabled: Type.Boolean({ default: false, description: 'No traces, whatever else is set.' }),
}
