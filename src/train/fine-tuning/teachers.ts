/**
 * Teacher networks for distillation: the average of several is more accurate than one, and carries more information
 * than a label.
 */
import * as tf from '@tensorflow/tfjs-core'
import { readModel } from '../../embedding/model-manifest.js'
import { AlikeError } from '../../errors.js'
import type { Preprocessing } from '../../image/preprocessing.js'
import type { RunState } from '../checkpoint.js'
import { forward, type TrainableNetwork } from '../models/network.js'
import { inPieces } from '../models/pieces.js'
import type { StagedNetwork } from '../models/staged-network.js'
import { readTeacher } from '../weights/teacher.js'
import type { FineTuneSettings } from './settings.js'

/** The teachers' outputs for each picture by itself. */
export interface Answers {
  /** Mean of their softmaxes, [N, C]. */
  posterior: tf.Tensor2D
  /** Their embeddings side by side, [N, ΣD], of unit length: the cosine of two rows is the mean of the teachers' cosines. */
  embedding: tf.Tensor2D
}

/** What a batch is to learn from them. */
export interface Taught {
  /** Mean of their softmaxes, [N, C]. */
  posterior: tf.Tensor2D
  /** Mean of their cosine matrices, [N, N]. */
  similarity: tf.Tensor2D
}

/** @returns null if the run has no teachers, or does not train */
export async function openTeachers(
  { teachers, exportOnly }: Pick<FineTuneSettings, 'teachers' | 'exportOnly'>,
  pupil: TrainableNetwork,
  microBatch: number,
): Promise<Teachers | null> {
  return teachers.length === 0 || exportOnly ? null : Teachers.read(teachers, pupil, microBatch)
}

/**
 * Their model ids, which identify them wherever their folders are.
 * @throws AlikeError `model_unreadable`
 */
export function teacherIds({ teachers }: Pick<FineTuneSettings, 'teachers'>): Promise<string[]> {
  return Promise.all(teachers.map(async (folder) => (await readModel(folder)).manifest.id))
}

/** @param ids as given now @throws Error if the run was begun with others */
export function expectSameTeachers({ teachers }: Pick<RunState, 'teachers'>, ids: readonly string[]): void {
  if (teachers.join() === ids.join()) return
  const begun = teachers.length === 0 ? 'no teachers' : `the teachers ${teachers.join(', ')}`
  throw new Error(`The run was begun with ${begun}, not with those given: resume it with the same --teachers.`)
}

export class Teachers {
  readonly #networks: readonly StagedNetwork[]
  readonly #given: Preprocessing
  readonly #microBatch: number

  private constructor(networks: readonly StagedNetwork[], given: Preprocessing, microBatch: number) {
    this.#networks = networks
    this.#given = given
    this.#microBatch = microBatch
  }

  /**
   * @param folders of networks trained by this project
   * @param pupil must have the same labels; teachers see its pixels, converted to their own mean, deviation and side
   * @param microBatch pictures per pass through a teacher, see `microBatchHere`
   * @throws AlikeError `model_unreadable`, `weights_unreadable`.
   */
  static async read(folders: readonly string[], pupil: TrainableNetwork, microBatch: number): Promise<Teachers> {
    const networks: StagedNetwork[] = []
    for (const folder of folders) {
      const teacher = await readTeacher(folder)
      if (teacher.labels.join() !== pupil.labels.join())
        throw new AlikeError('weights_unreadable', {
          detail: `${folder} was trained on other labels: it cannot teach this network.`,
        })
      if (teacher.preprocessing.fit !== pupil.preprocessing.fit)
        throw new AlikeError('weights_unreadable', {
          detail: `${folder} was trained with the fit ${teacher.preprocessing.fit}, this network uses ${pupil.preprocessing.fit}.`,
        })
      networks.push(teacher)
    }
    return new Teachers(networks, pupil.preprocessing, microBatch)
  }

  /** The side of the largest squares that a teacher looks at. */
  get side(): number {
    return Math.max(...this.#networks.map(({ preprocessing }) => preprocessing.inputSize))
  }

  /** ΣD. */
  get embeddingDimension(): number {
    return this.#networks.reduce((sum, { embeddingDimension }) => sum + embeddingDimension, 0)
  }

  /** @param input [N, S, S, 3], normalised for the pupil; mixed rows are allowed */
  teach(input: tf.Tensor4D): Taught {
    return tf.tidy(() => ({ ...taughtBy(this.answers(input)) }))
  }

  /** @param input [N, S, S, 3], normalised for the pupil */
  answers(input: tf.Tensor4D): Answers {
    return tf.tidy(() => {
      const said = this.#networks.map((network) => this.#answer(network, input))
      const posteriors = said.map(([, logits]) => tf.softmax(logits))
      const embeddings = said.map(([embedding]) => embedding)
      return {
        posterior: tf.div(tf.addN(posteriors), posteriors.length) as tf.Tensor2D,
        embedding: tf.div(tf.concat(embeddings, 1), Math.sqrt(embeddings.length)) as tf.Tensor2D,
      }
    })
  }

  /** Embeddings [N, D] and logits [N, C] of one teacher. */
  #answer(network: StagedNetwork, input: tf.Tensor4D): [tf.Tensor2D, tf.Tensor2D] {
    const { preprocessing } = network
    return inPieces(input, this.#microBatch, (rows) => {
      const pixels = renormalised(resized(rows, preprocessing.inputSize), this.#given, preprocessing)
      const [embedding, logits] = forward(network, pixels, false)
      return [embedding, logits]
    })
  }

  dispose(): void {
    for (const { model } of this.#networks) model.dispose()
  }
}

/** @param answers about the rows of the batch as they are, mixed if they are mixed */
export const taughtBy = ({ posterior, embedding }: Answers): Taught => ({
  posterior,
  similarity: tf.matMul(embedding, embedding, false, true) as tf.Tensor2D,
})

/**
 * A network recognises objects at the scale it was trained on, so a teacher trained on larger squares gets enlarged
 * ones.
 */
const resized = (input: tf.Tensor4D, side: number): tf.Tensor4D =>
  input.shape[1] === side ? input : tf.image.resizeBilinear(input, [side, side], false, true)

/** The same pixels, normalised with another mean and deviation. */
function renormalised(input: tf.Tensor4D, from: Preprocessing, to: Preprocessing): tf.Tensor4D {
  const factors = from.std.map((std, channel) => std / to.std[channel]!)
  const offsets = from.mean.map((mean, channel) => (mean - to.mean[channel]!) / to.std[channel]!)
  const near = (values: readonly number[], wanted: number) => values.every((value) => Math.abs(value - wanted) < 1e-4)
  if (near(factors, 1) && near(offsets, 0)) return input
  return tf.add(tf.mul(input, tf.tensor1d(factors)), tf.tensor1d(offsets)) as tf.Tensor4D
}
