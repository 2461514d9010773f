/** OpenTelemetry traces of requests and jobs. When disabled, nothing is loaded and requests have no overhead. */

export interface TracingSettings {
  otelExporterOtlpEndpoint: string
  /** The full URL for traces, overriding the one above. */
  otelExporterOtlpTracesEndpoint: string
  otelServiceName: string
  otelTracesSampler:
    | 'always_on'
    | 'always_off'
    | 'traceidratio'
    | `parentbased_${'always_on' | 'always_off' | 'traceidratio'}`
  /** Share of traces kept by the ratio samplers; empty: all. */
  otelTracesSamplerArg: string
  otelSdkDisabled: boolean
}

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** A finished part of a request or job. */
export type TracePart = (name: string, startedAt: number, durationMs: number, attributes?: Attributes) => void

/** A request in progress. Times are those of `performance.now()`. */
export interface RequestTrace {
  readonly traceId: string
  /** Trace and span in W3C Trace Context format. */
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
  /**
   * Links the job to the request that created it, so that it continues the request's trace. Not kept across restarts.
   */
  expectJob(id: string, by: RequestTrace): void
  /** Records the parts of a running job; `job` ends its trace. */
  jobParts(job: StartedJob): TracePart
  job(ended: EndedJob): void
  /** Sends what was recorded. */
  close(): Promise<void>
}

/** W3C Trace Context, version 00; undefined if malformed. */
export function parseTraceparent(
  given: string | undefined,
): { traceId: string; spanId: string; flags: number } | undefined {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(given?.trim() ?? '') ?? []
  if (traceId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId!)) return undefined
  return { traceId, spanId: spanId!, flags: Number.parseInt(flags!, 16) }
}
