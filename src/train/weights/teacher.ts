/** A network of this project, loaded whole as a teacher of another network. */
import * as tf from '@tensorflow/tfjs-core'
import type { Model } from '../../embedding/model-manifest.js'
import type { StagedNetwork } from '../models/staged-network.js'
import { startingNetwork } from '../models/starting-network.js'
import { type OwnGraph, readOwnGraph, unreadable, weightsOf } from './own-model.js'
import { tensorOf } from './tensor-layout.js'

/**
 * Outputs the class embedding [N, D] of unit length and the logits [N, C], without what the export joined to the
 * embedding (the posterior, and the part that tells single pictures apart). The labels are in the order of the logits.
 * @throws AlikeError `weights_unreadable`.
 */
export async function readTeacher(model: Model): Promise<StagedNetwork> {
  const graph = await readOwnGraph(model, 'teachers')
  const {
    manifest: { name, labels },
    tensors,
  } = graph
  const [embed, bias, classes] = ['embed/kernel', 'embed/bias', 'logits/kernel'].map((constant) =>
    tensorOf(tensors, constant),
  ) as [Constant, Constant, Constant]
  const [rows, embeddingDimension] = [embed.shape[0]!, bias.values.length]
  if (
    embed.shape[1] !== embeddingDimension ||
    classes.shape[0] !== embeddingDimension ||
    classes.shape[1] !== labels.length
  ) {
    throw unreadable(
      graph.manifest,
      `has a head of the shapes [${embed.shape}], [${bias.shape}] and [${classes.shape}] for ${labels.length} labels`,
    )
  }
  const head = {
    pooling: poolingOf(graph),
    embeddingDimension,
    scale: lengthOfColumn(classes, 0),
    instanceDimension: 0,
  }
  const network = startingNetwork(weightsOf(graph), { name, labels: [...labels], head, seed: 1 })
  tf.tidy(() => {
    const norm = network.model.getLayer('embed_norm')
    const epsilon = norm.getConfig()['epsilon'] as number
    network.model.getLayer('embed').setWeights([tf.tensor2d(embed.values, [rows, embeddingDimension])])
    // the exporter folded the norm into the preceding layer, so only its shift is left
    norm.setWeights([
      tf.ones([embeddingDimension]),
      tf.tensor1d(bias.values),
      tf.zeros([embeddingDimension]),
      tf.fill([embeddingDimension], 1 - epsilon),
    ])
    network.model.getLayer('logits').setWeights([tf.tensor2d(classes.values, [embeddingDimension, labels.length])])
  })
  return network
}

type Constant = ReturnType<typeof tensorOf>

/** The exporter writes a generalised mean as powers, under the name of its layer. */
function poolingOf({ graph: { graph } }: OwnGraph): 'average' | 'gem' {
  return graph.node.some(({ name }) => name === 'pooled/powers') ? 'gem' : 'average'
}

/** The exporter scaled the direction of each class to the length of the scale. */
function lengthOfColumn({ values, shape }: Constant, column: number): number {
  const [rows = 0, columns = 0] = shape
  return Math.hypot(...Array.from({ length: rows }, (_, row) => values[row * columns + column]!))
}
