/** Formats a gallery's embedding sets and their gate results for a terminal. Pure. */
import type { components } from '../../clients/typescript/src/alike-client.js'

type EmbeddingSet = components['schemas']['EmbeddingSet']
type Gate = components['schemas']['Gate']

/** @param nameOf maps a model id to its name */
export function setLines(sets: readonly EmbeddingSet[], nameOf: (id: string) => string): string[] {
  return sets.flatMap(({ modelId, state, count, keptUntil, gate, job }) => {
    const until = keptUntil === undefined ? '' : ` until ${keptUntil.slice(0, 10)}`
    const worked = job === undefined ? '' : `, job ${job} is at it`
    const line = `${nameOf(modelId)} (${modelId}): ${state}${until}, ${count} pictures${worked}`
    return gate === undefined ? [line] : [line, ...gateLines(gate, nameOf).map((one) => `  ${one}`)]
  })
}

function gateLines(gate: Gate, nameOf: (id: string) => string): string[] {
  const { passed, reasons, servingModelId, judgedAt, queries, candidates, quality, overlapAt10, copiesFound } = gate
  const { missing = 0, replay } = gate
  const numbers = Object.entries(quality).flatMap(([name, one]) => {
    if (one === undefined) return []
    const [low, high] = one.interval.map(signed)
    return [
      `${name.padEnd(18)} ${one.serving.toFixed(3)} → ${one.other.toFixed(3)}   ${signed(one.difference)} (${low} to ${high})`,
    ]
  })
  return [
    `${passed ? 'passed the quality gate' : 'did not pass the quality gate'} against ${nameOf(servingModelId)}, ${judgedAt.slice(0, 16).replace('T', ' ')} UTC, ${queries} queries`,
    ...reasons,
    ...(missing === 0 ? [] : [`${missing} of ${candidates} pictures are missing, and count as missed`]),
    ...numbers,
    ...(overlapAt10 === null ? [] : [`${'overlap@10'.padEnd(18)} ${overlapAt10.toFixed(3)}`]),
    ...(replay
      ? [`${'overlap@10 asked'.padEnd(18)} ${replay.overlapAt10.toFixed(3)} (${replay.queries} kept queries)`]
      : []),
    ...(copiesFound === null
      ? []
      : [`${'near-copies found'.padEnd(18)} ${copiesFound.serving.toFixed(3)} → ${copiesFound.other.toFixed(3)}`]),
  ]
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
}
