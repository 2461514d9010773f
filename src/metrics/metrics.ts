/**
 * The service's Prometheus metrics: one registry and its typed instruments, created per app and passed down. This
 * folder is the only importer of prom-client, and the only place where milliseconds become the seconds that Prometheus
 * expects.
 */
import { collectDefaultMetrics, Registry } from 'prom-client'
import { type EmbeddingInstruments, embeddingInstruments } from './embedding.js'
import { type GalleryInstruments, galleryInstruments } from './galleries.js'
import { type IntakeInstruments, intakeInstruments } from './intake.js'
import { type NumberSources, registerNumbers } from './numbers.js'
import { type ReadingSources, registerReadings } from './readings.js'
import { type RequestInstruments, requestInstruments } from './requests.js'
import { type SearchInstruments, searchInstruments } from './searches.js'

/** Readings taken at each scrape; each part registers its own as soon as it exists. */
export interface MetricSources extends NumberSources, ReadingSources {}

export interface Metrics extends RequestInstruments, SearchInstruments, IntakeInstruments, GalleryInstruments {
  readonly embedding: EmbeddingInstruments
  /** Adds sources; a later one with the same name replaces the earlier. */
  watch(sources: MetricSources): void
  /** The exposition text and its content type, for `GET /metrics`. */
  expose(): Promise<{ contentType: string; text: string }>
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const sources: MetricSources = {}
  // The loop-delay histogram reports its own sampling period as its idle value: 2 ms keeps that small.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 2 })
  registerNumbers(registry, sources)
  registerReadings(registry, sources)
  return {
    ...requestInstruments(registry),
    ...searchInstruments(registry),
    ...intakeInstruments(registry),
    ...galleryInstruments(registry),
    embedding: embeddingInstruments(registry),
    watch: (more) => void Object.assign(sources, more),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
