/**
 * What the teachers say about a few views of each picture, computed once and read in every epoch: a teacher costs many
 * times as much as a small network that it teaches (Shen & Xing 2022, Fast Knowledge Distillation).
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { type Mix, mixedRows } from '../fine-tuning/mix.js'
import { type Answers, type Taught, type Teachers, taughtBy } from '../fine-tuning/teachers.js'
import type { ImageLoader } from '../loader/image-loader.js'
import { normalised } from '../loader/normalise.js'
import type { TrainSettings } from '../settings.js'
import type { TrainingData } from '../training-data.js'
import { buildFeatures, picturesHash, type RowMaker, type View } from './build-features.js'
import type { FeatureFile } from './feature-file.js'

export interface TaughtViewsOptions {
  settings: TrainSettings
  data: TrainingData
  teachers: Teachers
  loader: ImageLoader
  log: (line: string) => void
  stop: AbortSignal
}

/** The view that an epoch shows of each picture; null: a new one. */
export function viewIn({ teacherViews, seed, augmentation }: TrainSettings, epoch: number): View | null {
  if (teacherViews === 0) return null
  const { minScale, colourJitter } = augmentation
  // view 0 would be the serving view
  return { index: 1 + (epoch % teacherViews), seed, augmentation: { minScale, colourJitter } }
}

export class TaughtViews {
  /** By the number of the view, from 1. */
  readonly #files: readonly FeatureFile[]
  readonly #classes: number

  private constructor(files: readonly FeatureFile[], classes: number) {
    this.#files = files
    this.#classes = classes
  }

  /** Builds missing views, in the folder of the run. @returns null if stopped early; finished rows are kept */
  static async build({ settings, data, teachers, ...run }: TaughtViewsOptions): Promise<TaughtViews | null> {
    const folder = join(settings.work, settings.name)
    await mkdir(folder, { recursive: true })
    const maker = answersOf(teachers, settings, data.labels.length)
    const pictures = await picturesHash(data.images, data.train)
    const files: FeatureFile[] = []
    for (let epoch = 0; epoch < settings.teacherViews; epoch++) {
      const view = viewIn(settings, epoch)!
      const path = join(folder, `taught-view${view.index}.f16`)
      const file = await buildFeatures({ path, maker, view, part: 'train', indices: data.train, pictures, ...run })
      if (file !== null) files.push(file)
      if (run.stop.aborted) break
    }
    const views = new TaughtViews(files, data.labels.length)
    if (!run.stop.aborted) return views
    await views.close()
    return null
  }

  /**
   * The teachers see neither what is erased from a picture nor what it is mixed with: the answers about two mixed
   * pictures are mixed as their labels are.
   * @param members positions in `data.train`
   */
  async teach(members: readonly number[], view: number, mix: Mix | null): Promise<Taught> {
    const file = this.#files[view - 1]!
    const values = new Float32Array(members.length * file.size)
    await Promise.all(members.map((member, row) => file.read(member, false, values, row * file.size)))
    return tf.tidy(() => {
      const rows = tf.tensor2d(values, [members.length, file.size])
      const [posterior, embedding] = tf.split(rows, [this.#classes, file.size - this.#classes], 1) as [
        tf.Tensor2D,
        tf.Tensor2D,
      ]
      const answers = { posterior, embedding }
      return { ...taughtBy(mix === null ? answers : mixedAnswers(answers, mix)) }
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()))
  }
}

function mixedAnswers({ posterior, embedding }: Answers, mix: Mix): Answers {
  const blended = mixedRows(embedding, mix)
  return {
    posterior: mixedRows(posterior, mix),
    embedding: tf.div(blended, tf.norm(blended, 2, 1, true)) as tf.Tensor2D,
  }
}

/** Rows of [C + ΣD]: posterior, then embedding. */
function answersOf(teachers: Teachers, settings: TrainSettings, classes: number): RowMaker {
  const preprocessing = { ...settings.preprocessing, inputSize: teachers.side }
  return {
    weights: teachers.ids.join(),
    preprocessing,
    shape: [1, 1, classes + teachers.embeddingDimension],
    async rows(pixels) {
      const input = normalised(pixels, teachers.side, preprocessing)
      const { posterior, embedding } = await teachers.answers(input)
      const rows = tf.concat([posterior, embedding], 1)
      tf.dispose([input, posterior, embedding])
      return rows
    },
  }
}
