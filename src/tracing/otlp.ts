/**
 * Tracing with OpenTelemetry's SDK, sent as OTLP over HTTP. The only importer of OpenTelemetry; loaded only if a
 * collector is configured.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { AlikeError } from '../errors.js'
import {
  parseTraceparent,
  type RequestTrace,
  type StartedJob,
  type TracePart,
  type Tracing,
  type TracingSettings,
} from './tracing.js'

/** Maximum jobs whose requests are remembered; the oldest is dropped. */
const expectedJobsMax = 10_000
/** Time for the last spans when the service ends; the exporter would try for longer than the service may take. */
const sendingMaxMs = 2_000

/** @param url of the collector's trace endpoint @throws AlikeError `config_invalid` */
export function openOtlpTracing(url: string, settings: TracingSettings, serviceVersion: string): Tracing {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': settings.otelServiceName, 'service.version': serviceVersion }),
    sampler: samplerOf(settings),
    // bounded: spans beyond the queue are dropped, never waited for
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
  })
  const tracer = provider.getTracer('alike', serviceVersion)
  const jobs = new Map<string, Context>()
  const running = new Map<string, Span>()
  const beginJob = ({ id, kind, gallery, startedAt }: StartedJob): Span => {
    const attributes = { 'alike.job.id': id, 'alike.gallery': gallery }
    return tracer.startSpan(`job ${kind}`, { startTime: startedAt, attributes }, jobs.get(id) ?? ROOT_CONTEXT)
  }
  return {
    request: (parent) => beginRequest(tracer, contextOf(parent.traceparent, parent.tracestate)),
    expectJob(id, by) {
      if (jobs.size >= expectedJobsMax) jobs.delete(jobs.keys().next().value!)
      jobs.set(id, contextOf(by.traceparent))
    },
    jobParts(job) {
      const span = running.get(job.id) ?? beginJob(job)
      running.set(job.id, span)
      return partsOf(tracer, trace.setSpan(ROOT_CONTEXT, span))
    },
    job(ended) {
      const span = running.get(ended.id) ?? beginJob(ended)
      span.setAttributes({ 'alike.job.state': ended.state, 'alike.job.done': ended.done })
      if (ended.state === 'failed') span.setStatus({ code: SpanStatusCode.ERROR })
      span.end(ended.finishedAt)
      running.delete(ended.id)
      jobs.delete(ended.id)
    },
    close() {
      for (const span of running.values()) span.end() // continues after the next start, in a new trace
      return sentWithin(sendingMaxMs, provider.shutdown())
    },
  }
}

/** Spans are given up, never waited for: a collector that is away must not make the end of the service a failure. */
function sentWithin(maxMs: number, sending: Promise<void>): Promise<void> {
  return Promise.race([sending.catch(() => {}), sleep(maxMs, undefined, { ref: false })])
}

function partsOf(tracer: Tracer, context: Context): TracePart {
  return (name, startedAt, durationMs, attributes = {}) => {
    const startTime = performance.timeOrigin + startedAt
    tracer.startSpan(name, { startTime, attributes: { ...attributes } }, context).end(startTime + durationMs)
  }
}

function beginRequest(tracer: Tracer, parent: Context): RequestTrace {
  const span = tracer.startSpan('request', { kind: SpanKind.SERVER }, parent)
  const own = trace.setSpan(parent, span)
  return {
    traceId: span.spanContext().traceId,
    traceparent: traceparentOf(span),
    part: partsOf(tracer, own),
    end(name, attributes, failed) {
      span.updateName(name)
      span.setAttributes({ ...attributes })
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}

function contextOf(traceparent: string | undefined, tracestate?: string): Context {
  const parsed = parseTraceparent(traceparent)
  if (parsed === undefined) return ROOT_CONTEXT
  const { traceId, spanId, flags } = parsed
  const state = tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true, ...state })
}

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

function samplerOf({ otelTracesSampler, otelTracesSamplerArg }: TracingSettings): Sampler {
  const share = otelTracesSamplerArg === '' ? 1 : Number(otelTracesSamplerArg)
  if (!(share >= 0 && share <= 1))
    throw new AlikeError('config_invalid', { detail: 'OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1.' })
  const kind = otelTracesSampler.replace('parentbased_', '')
  const root =
    kind === 'always_on'
      ? new AlwaysOnSampler()
      : kind === 'always_off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(share)
  return otelTracesSampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}
