/** Metrics of requests and callers. */
import type { Registry } from 'prom-client'
import { counters } from './instruments.js'

export interface RequestInstruments {
  /** @param route the pattern (`/v1/galleries/:gallery`), never the URL, to keep the number of series small */
  countRequest(method: string, route: string, status: number): void
  /** Counts them from 0 on: a counter that begins with its first refusal has not increased, and raises no alert. */
  expectRefusals(codes: readonly string[]): void
  /** @param code from the error catalogue */
  countRefusal(code: string): void
  /** The API key file has changed. */
  countKeyReload(outcome: 'reloaded' | 'refused'): void
  /** A line of the audit log could not be written. */
  countAuditLoss(): void
  /** A line of the log was dropped because nobody reads it. */
  countLogLoss(): void
}

export function requestInstruments(registry: Registry): RequestInstruments {
  const { requests, refusals, keyReloads, auditLosses, logLosses } = counters(registry, {
    requests: [
      'alike_http_requests_total',
      'HTTP requests answered, by method, route pattern and status code.',
      { method: null, route: null, status: null },
    ],
    refusals: ['alike_refusals_total', 'Requests refused, by error code.', { code: null }],
    keyReloads: [
      'alike_key_reloads_total',
      'Reloads of the API key file after a change, by outcome; refused: the previous keys stay in force.',
      { outcome: ['reloaded', 'refused'] },
    ],
    auditLosses: ['alike_audit_write_failures_total', 'Failures to write to the file of the audit log.'],
    logLosses: ['alike_log_lines_dropped_total', 'Log lines that were dropped because the reader stalled.'],
  })
  return {
    countRequest: (method, route, status) => requests.inc({ method, route, status: String(status) }),
    expectRefusals(codes) {
      for (const code of codes) refusals.inc({ code }, 0)
    },
    countRefusal: (code) => refusals.inc({ code }),
    countKeyReload: (outcome) => keyReloads.inc({ outcome }),
    countAuditLoss: () => auditLosses.inc(),
    countLogLoss: () => logLosses.inc(),
  }
}
