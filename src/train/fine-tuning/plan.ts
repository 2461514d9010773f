/**
 * Position in a run with phases: epochs are counted across all phases, and each phase has its own learning-rate cycle.
 */
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
  /** Index of the phase, and of the epoch within it. */
  phaseIndex: number
  epochInPhase: number
}

/** @param epoch from 0, counted across all phases @returns null after the last */
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
  /** Seed of the random crop, if pictures are read instead of maps. */
  seed: number
  /** Apply the edits that pictures undergo in the wild; only if pictures are read. */
  wild: boolean
}

export interface FineTuneBatch {
  members: BatchMember[]
  /** Class index of each picture. */
  classes: number[]
  /** The picture shown by each row, by number; copies are one picture. */
  pictures: number[]
  /** How the pictures are mixed; null: not at all. */
  mix: Mix | null
  /** Human judgements on pairs of the last rows. */
  links?: Links | undefined
}

/**
 * Planned from seeds alone, so that a run can resume in the middle of an epoch. An unmixed batch ends with additional
 * views of some of its pictures, for the part of the network that tells single pictures apart.
 */
export function planBatches(data: TrainingData, settings: FineTuneSettings, epoch: number): FineTuneBatch[] {
  const { seed, batch, views, mixShare, wildShare, instance } = settings
  const random = seededRandom(seed * 2_000_003 + epoch * 1013)
  const pictureOf = numbersOfPictures(data)
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
    return {
      members,
      classes: members.map(({ member }) => data.classOf[member]!),
      pictures: members.map(({ member }) => pictureOf[member]!),
      mix,
      links: judged?.links,
    }
  })
}

/** Mean number of rows for each picture of a batch, without judged pairs: see `planBatches`. */
export function rowsOfPicture({ batch, mixShare, instance }: FineTuneSettings): number {
  const again = instance.weight > 0 ? Math.min(1, instance.pairs / batch.samples) : 0
  return 1 + (1 - mixShare) * again
}

/** For each picture of `train` the first one of its duplicate group. */
function numbersOfPictures({ images, train }: Pick<TrainingData, 'images' | 'train'>): number[] {
  const firstOf = new Map<string, number>()
  return train.map((index, member) => {
    const { group } = images[index]!
    const first = firstOf.get(group) ?? member
    firstOf.set(group, first)
    return first
  })
}

/** Learning rates of head and body for a step of a phase. */
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
