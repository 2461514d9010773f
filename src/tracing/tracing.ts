/** Where the time of requests and jobs goes, told as OpenTelemetry traces. Off, nothing of it is loaded and no request pays for it. */

export interface TracingSettings {
  otelExporterOtlpEndpoint: string
  /** The whole address for traces, in place of the one above. */
  otelExporterOtlpTracesEndpoint: string
  otelServiceName: string
  otelTracesSampler:
    | 'always_on'
    | 'always_off'
    | 'traceidratio'
    | `parentbased_${'always_on' | 'always_off' | 'traceidratio'}`
  /** Share of traces that are kept, for the samplers by ratio; empty: all. */
  otelTracesSamplerArg: string
  otelSdkDisabled: boolean
}

export type Attributes = Readonly<Record<string, string | number | boolean>>

/** A part that has ended, of a request or a job. */
export type TracePart = (name: string, startedAt: number, durationMs: number, attributes?: Attributes) => void

/** A request under way. Times are those of `performance.now()`. */
export interface RequestTrace {
  readonly traceId: string
  /** The same and the span, as W3C Trace Context writes it. */
  readonly traceparent: string
  readonly part: TracePart
  end(name: string, attributes: Attributes, failed: boolean): void
}

export interface StartedJob {
  id: string
  kind: string
  gallery: string
  startedAt: Date
}

export interface EndedJob extends StartedJob {
  state: string
  finishedAt: Date
  done: number
}

export interface Tracing {
  /** @param parent the caller's `traceparent` and `tracestate` */
  request(parent: { traceparent?: string | undefined; tracestate?: string | undefined }): RequestTrace
  /** The job was asked for by this request: its trace goes on with it. Forgotten with the process. */
  expectJob(id: string, by: RequestTrace): void
  /** For the parts of a job that is being run; `job` ends its trace. */
  jobParts(job: StartedJob): TracePart
  job(ended: EndedJob): void
  /** What was recorded is sent. */
  close(): Promise<void>
}

/** Of version 00 of W3C Trace Context; undefined for what is none. */
export function parseTraceparent(
  given: string | undefined,
): { traceId: string; spanId: string; flags: number } | undefined {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(given?.trim() ?? '') ?? []
  if (traceId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId!)) return undefined
  return { traceId, spanId: spanId!, flags: Number.parseInt(flags!, 16) }
}
