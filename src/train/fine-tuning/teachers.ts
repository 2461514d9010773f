/**
 * Teacher networks for distillation: the average of several is more accurate than one, and carries more information
 * than a label.
 */
import * as tf from '@tensorflow/tfjs-core'
import { firstOf } from '../../command-line.js'
import { type ModelManifest, readModel } from '../../embedding/model-manifest.js'
import { AlikeError } from '../../errors.js'
import type { Preprocessing } from '../../image/preprocessing.js'
import type { RunState } from '../checkpoint.js'
import type { TrainableNetwork } from '../models/network.js'
import { piecesOf, rowsOf } from '../models/pieces.js'
import type { FineTuneSettings } from './settings.js'
import { openTeacher, type TeacherNetwork } from './teacher-network.js'

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
  log: (line: string) => void,
): Promise<Teachers | null> {
  if (teachers.length === 0 || exportOnly) return null
  const opened = await Teachers.read(teachers, pupil, microBatch)
  log(`taught by ${teachers.map((folder, i) => `${folder} (${opened.computedBy[i]})`).join(', ')}`)
  return opened
}

/** @param ids of those given now @throws AlikeError `run_differs` if the run was started with others */
export function expectSameTeachers({ teachers }: Pick<RunState, 'teachers'>, ids: readonly string[]): void {
  if (teachers.join() === ids.join()) return
  const before = teachers.length === 0 ? 'had no teachers' : `had the teachers ${teachers.join(', ')}`
  throw new AlikeError('run_differs', { detail: `The run ${before}: resume it with the same --teachers.` })
}

/** Of several teachers, which one cannot be used. */
const namedBy =
  (folder: string) =>
  (cause: unknown): never => {
    throw cause instanceof AlikeError
      ? new AlikeError(cause.code, { detail: `The teacher ${folder}: ${cause.detail}`, cause })
      : cause
  }

const shownLabels = 3

/** @throws AlikeError `weights_unreadable` for a teacher that cannot teach the pupil */
function expectSuited(folder: string, { labels, preprocessing }: ModelManifest, pupil: TrainableNetwork): void {
  if (labels.join() !== pupil.labels.join()) {
    const lacking = pupil.labels.filter((label) => !labels.includes(label))
    const foreign = labels.filter((label) => !pupil.labels.includes(label))
    const differences = [
      ...(lacking.length > 0 ? [`it lacks ${firstOf(lacking, shownLabels)}`] : []),
      ...(foreign.length > 0 ? [`these pictures have no ${firstOf(foreign, shownLabels)}`] : []),
    ]
    throw new AlikeError('weights_unreadable', {
      detail: `${folder} was trained on other labels: ${differences.join(', and ')}.`,
    })
  }
  if (preprocessing.fit !== pupil.preprocessing.fit)
    throw new AlikeError('weights_unreadable', {
      detail: `${folder} was trained with the fit ${preprocessing.fit}, this network uses ${pupil.preprocessing.fit}.`,
    })
}

export class Teachers {
  /** Model ids, which identify them wherever their folders are. */
  readonly ids: readonly string[]
  readonly #networks: readonly TeacherNetwork[]
  #closing: Promise<unknown> | undefined
  readonly #pupilInput: Preprocessing
  readonly #microBatch: number

  private constructor(
    ids: readonly string[],
    networks: readonly TeacherNetwork[],
    pupilInput: Preprocessing,
    microBatch: number,
  ) {
    this.ids = ids
    this.#networks = networks
    this.#pupilInput = pupilInput
    this.#microBatch = microBatch
  }

  /**
   * @param folders of networks trained by this project
   * @param pupil must have the same labels; teachers see its pixels, converted to their own mean, deviation and side
   * @param microBatch pictures per pass through a teacher, see `microBatchHere`
   * @throws AlikeError `model_unreadable`, `weights_unreadable`.
   */
  static async read(folders: readonly string[], pupil: TrainableNetwork, microBatch: number): Promise<Teachers> {
    const models = await Promise.all(folders.map((folder) => readModel(folder).catch(namedBy(folder))))
    for (const [i, { manifest }] of models.entries()) expectSuited(folders[i]!, manifest, pupil)
    const networks: TeacherNetwork[] = []
    for (const [i, model] of models.entries()) networks.push(await openTeacher(model).catch(namedBy(folders[i]!)))
    const ids = models.map(({ manifest }) => manifest.id)
    return new Teachers(ids, networks, pupil.preprocessing, microBatch)
  }

  /** What computes each of them. */
  get computedBy(): string[] {
    return this.#networks.map(({ computedBy }) => computedBy)
  }

  /** The side of the largest squares that a teacher looks at. */
  get side(): number {
    return Math.max(...this.#networks.map(({ preprocessing }) => preprocessing.inputSize))
  }

  /** ΣD. */
  get embeddingDimension(): number {
    return this.#networks.reduce((sum, { embeddingDimension }) => sum + embeddingDimension, 0)
  }

  /** @param input [N, S, S, 3], normalised for the pupil; mixed rows are allowed @returns the caller disposes of it */
  async teach(input: tf.Tensor4D): Promise<Taught> {
    const answers = await this.answers(input)
    const taught = tf.tidy(() => ({ ...taughtBy(answers) }))
    answers.embedding.dispose()
    return taught
  }

  /** @param input [N, S, S, 3], normalised for the pupil @returns the caller disposes of them */
  async answers(input: tf.Tensor4D): Promise<Answers> {
    const outputs: [tf.Tensor2D, tf.Tensor2D][] = []
    for (const network of this.#networks) outputs.push(await this.#answer(network, input))
    const answers = tf.tidy(() => {
      const posteriors = outputs.map(([, logits]) => tf.softmax(logits))
      const embeddings = outputs.map(([embedding]) => embedding)
      return {
        posterior: tf.div(tf.addN(posteriors), posteriors.length) as tf.Tensor2D,
        embedding: tf.div(tf.concat(embeddings, 1), Math.sqrt(embeddings.length)) as tf.Tensor2D,
      }
    })
    tf.dispose(outputs)
    return answers
  }

  /** Embeddings [N, D] and logits [N, C] of one teacher. */
  async #answer(network: TeacherNetwork, input: tf.Tensor4D): Promise<[tf.Tensor2D, tf.Tensor2D]> {
    const count = input.shape[0]
    const outputs: [tf.Tensor2D, tf.Tensor2D][] = []
    for (const piece of piecesOf(count, Math.min(this.#microBatch, count))) {
      const pixels = tf.tidy(() =>
        resized(pixelsOf(rowsOf(input, piece), this.#pupilInput), network.preprocessing.inputSize),
      )
      outputs.push(await network.answer(pixels))
      pixels.dispose()
    }
    const joined = ([0, 1] as const).map((which) => tf.concat(outputs.map((pair) => pair[which])))
    tf.dispose(outputs)
    return joined as [tf.Tensor2D, tf.Tensor2D]
  }

  /** May be called again. */
  close(): Promise<unknown> {
    this.#closing ??= Promise.all(this.#networks.map((network) => network.close()))
    return this.#closing
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

/** The pixels before they were normalised, 0..255. */
const pixelsOf = (input: tf.Tensor4D, { mean, std }: Preprocessing): tf.Tensor4D => tf.add(tf.mul(input, std), mean)
