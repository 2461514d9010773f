/** Networks that another is taught by: what several say together is truer than what one says, and more than a label tells. */
import * as tf from '@tensorflow/tfjs-core'
import { AlikeError } from '../../errors.js'
import type { StagedNetwork } from '../models/staged-network.js'
import { forward } from '../models/network.js'
import { readTeacher } from '../weights/teacher.js'

/** What teachers say of a batch. */
export interface Taught {
  /** Mean of their softmaxes, [N, C]. */
  posterior: tf.Tensor2D
  /** Mean of their matrices of cosines, [N, N]. */
  similarity: tf.Tensor2D
}

export class Teachers {
  readonly #networks: readonly StagedNetwork[]

  private constructor(networks: readonly StagedNetwork[]) {
    this.#networks = networks
  }

  /**
   * @param folders of networks trained here @param pupil whose labels and pixels they must share
   * @throws AlikeError `model_unreadable`, `weights_unreadable`.
   */
  static async read(folders: readonly string[], pupil: StagedNetwork): Promise<Teachers> {
    const networks: StagedNetwork[] = []
    for (const folder of folders) {
      const teacher = await readTeacher(folder)
      const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
      if (!same(teacher.labels, pupil.labels)) throw new AlikeError('weights_unreadable', { detail: `${folder} was trained on other labels: it can not teach this network.` })
      if (!same(pixelsOf(teacher), pixelsOf(pupil))) throw new AlikeError('weights_unreadable', { detail: `${folder} sees its pictures prepared in another way: it can not teach this network.` })
      networks.push(teacher)
    }
    return new Teachers(networks)
  }

  /** @param input [N, S, S, 3], normalised; mixed rows are as good as any */
  teach(input: tf.Tensor4D): Taught {
    return tf.tidy(() => {
      const said = this.#networks.map((network) => tf.tidy(() => {
        const [embedding, logits] = forward(network, input, false)
        return { posterior: tf.softmax(logits) as tf.Tensor2D, similarity: tf.matMul(embedding, embedding, false, true) as tf.Tensor2D }
      }))
      const mean = (rows: tf.Tensor2D[]) => tf.div(tf.addN(rows), rows.length) as tf.Tensor2D
      return { posterior: mean(said.map(({ posterior }) => posterior)), similarity: mean(said.map(({ similarity }) => similarity)) }
    })
  }

  dispose(): void {
    for (const { model } of this.#networks) model.dispose()
  }
}

/** Means rounded, as files of 16 and 32 bits round them. */
function pixelsOf({ preprocessing: { mean, std, ...rest } }: StagedNetwork) {
  const rounded = (values: readonly number[]) => values.map((value) => value.toFixed(3))
  return { ...rest, mean: rounded(mean), std: rounded(std) }
}
