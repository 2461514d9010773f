/** Where a run in phases stands: epochs are counted through all phases, each has a learning-rate cycle of its own. */
import { seededRandom } from '../../eval/random.js'
import { linkedMembers } from '../feedback/linked-members.js'
import type { Links } from '../losses/linked-pairs.js'
import { learningRateAt } from '../optimizer/schedule.js'
import { classBalancedBatches } from '../samplers/class-balanced.js'
import type { TrainingData } from '../training-data.js'
import { type Mix, planMix } from './mix.js'
import type { FineTuneSettings, Phase } from './settings.js'

export interface PhaseEpoch {
  phase: Phase
  /** Position of the phase among the phases, and of the epoch in it. */
  phaseIndex: number
  epochInPhase: number
}

/** @param epoch from 0, counted through all phases @returns null after the last */
export function phaseOf(phases: readonly Phase[], epoch: number): PhaseEpoch | null {
  let before = 0
  for (const [phaseIndex, phase] of phases.entries()) {
    if (epoch < before + phase.epochs) return { phase, phaseIndex, epochInPhase: epoch - before }
    before += phase.epochs
  }
  return null
}

export const epochsOf = (phases: readonly Phase[]): number => phases.reduce((sum, { epochs }) => sum + epochs, 0)

export interface BatchMember {
  /** Position in `data.train`: the row in the cached maps. */
  member: number
  view: number
  mirrored: boolean
  /** Of the random crop, where pictures are read instead of maps. */
  seed: number
  /** Goes through what happens to pictures in the wild, where pictures are read. */
  wild: boolean
}

export interface FineTuneBatch {
  members: BatchMember[]
  /** Index of each picture's label. */
  classes: number[]
  /** How its pictures are mixed; null: they are not. */
  mix: Mix | null
  /** What people said of pairs of its last rows. */
  links?: Links | undefined
}

/**
 * Decided from seeds alone, so that a run can be taken up in the middle of an epoch. A batch that is not mixed ends with further
 * views of some of its pictures, for the part of the network that tells a picture from all others.
 */
export function planBatches(data: TrainingData, settings: FineTuneSettings, epoch: number): FineTuneBatch[] {
  const { seed, batch, views, mixShare, wildShare, instance } = settings
  const random = seededRandom(seed * 2_000_003 + epoch * 1013)
  const drawn = () => ({ mirrored: random() < 0.5, seed: Math.floor(random() * 2 ** 32) })
  return classBalancedBatches(data.classOf, batch, random).map((chosen, index, { length }) => {
    const members = chosen.map(
      (member): BatchMember => ({ member, view: Math.floor(random() * views), ...drawn(), wild: random() < wildShare }),
    )
    const mix = random() < mixShare ? planMix(members.length, random) : null
    const again =
      mix === null && instance.weight > 0 ? members.filter((_, row) => row % batch.samples < instance.pairs) : []
    members.push(
      ...again.map(({ member, view }): BatchMember => ({ member, view: (view + 1) % views, ...drawn(), wild: true })),
    )
    const judged = mix === null ? linkedMembers(data.judged, epoch * length + index, members.length) : undefined
    for (const member of judged?.members ?? [])
      members.push({ member, view: 0, mirrored: false, seed: seed + index, wild: false })
    return { members, classes: members.map(({ member }) => data.classOf[member]!), mix, links: judged?.links }
  })
}

/** Rates of head and body for a step of a phase. */
export function ratesAt(
  phase: Phase,
  step: number,
  batchesPerEpoch: number,
  warmupShare: number,
): { head: number; body: number } {
  const totalSteps = phase.epochs * batchesPerEpoch
  const rate = (peak: number) =>
    learningRateAt(step, { peak, warmupSteps: Math.round(totalSteps * warmupShare), totalSteps })
  return { head: rate(phase.rate.head), body: rate(phase.rate.body) }
}
