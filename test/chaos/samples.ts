/** What clients observed, and when: one sample per search and write. */
import type { Outcome } from './round-robin.js'

export interface Sample {
  /** Time of the request; milliseconds since the start of the run. */
  at: number
  ms: number
  kind: 'search' | 'own write' | 'write'
  outcome: 'answered' | 'refused' | 'broken'
  /** Of a refusal, or of an invalid response. */
  code?: string | undefined
  /** Of an answered search, 0 to 1. */
  recall?: number | undefined
}

/** A fault counts as over when for this long nothing was refused and recall was sufficient. */
const calmMs = 5_000
const recallsMin = 10
export const recallWanted = 0.98

export class Samples {
  readonly #began = performance.now()
  readonly all: Sample[] = []

  get now(): number {
    return performance.now() - this.#began
  }

  add(kind: Sample['kind'], at: number, outcome: Outcome, recall?: number): void {
    const code = outcome.is === 'refused' ? outcome.code : outcome.is === 'broken' ? outcome.why : undefined
    this.all.push({ kind, at, ms: outcome.ms, outcome: outcome.is, code, recall })
  }

  between(from: number, to: number, kinds: readonly Sample['kind'][]): Sample[] {
    return this.all.filter(({ at, kind }) => at >= from && at < to && kinds.includes(kind))
  }

  /** Since when it has been calm for long enough, after `from`; otherwise what is not yet as it has to be. */
  calm(from: number): number | string {
    const later = this.all.filter(({ at }) => at >= from).sort((a, b) => a.at + a.ms - (b.at + b.ms))
    let since = from
    for (const { at, ms, outcome } of later) if (outcome !== 'answered') since = Math.max(since, at + ms)
    const last = later.findLast(({ outcome }) => outcome !== 'answered')
    const answered = later.filter(({ at }) => at >= since)
    if (this.now - since < calmMs || answered.length === 0)
      return `${answered.length} answers since the last refusal (${last?.kind} ${last?.code})`
    const recalls = answered.flatMap(({ at, recall }) => (recall === undefined ? [] : { at, recall }))
    const meanFrom = (first: number) => mean(recalls.slice(first).map(({ recall }) => recall))
    // what a node that was away missed at first is over
    let first = 0
    while (recalls.length - first > recallsMin && meanFrom(first) < recallWanted) first++
    if (recalls.length < recallsMin || meanFrom(first) < recallWanted)
      return `recall ${meanFrom(first).toFixed(3)} of the last ${recalls.length - first} searches`
    const calmFrom = first === 0 ? since : recalls[first]!.at
    return this.now - calmFrom < calmMs ? 'recall is as it has to be, not for long enough' : calmFrom
  }
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** Count of each code. */
export function codesOf(samples: readonly Sample[]): string {
  const counts = new Map<string, number>()
  for (const { code } of samples) if (code !== undefined) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].map(([code, count]) => `${count} × ${code}`).join(', ')
}
