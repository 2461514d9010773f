/** A new head on the vectors of an imported network, which itself is not trained. */
import { input, model } from '@tensorflow/tfjs-layers'
import type { Preprocessing } from '../../embedding/model-manifest.js'
import { importedArchitecture } from '../weights/weight-format.js'
import type { Encoder } from './network.js'
import { headLayers, type RetrievalHeadSettings, retrievalHead } from './retrieval-head.js'
import type { StagedNetwork } from './staged-network.js'

export interface ImportedNetworkOptions {
  name: string
  labels: string[]
  preprocessing: Preprocessing
  encoder: Encoder
  head: RetrievalHeadSettings
  seed: number
}

/** Both parts of the head read the vector of the picture, [N, 1, 1, D]; the trunk returns it unchanged. */
export function importedNetwork({ encoder, head, seed, labels, ...described }: ImportedNetworkOptions): StagedNetwork {
  const headOf = retrievalHead({ ...head, classes: labels.length, seed })
  const [rows, map] = ['rows', 'map'].map((name) => input({ name, shape: [1, 1, encoder.dimension] }))
  return {
    ...described,
    architecture: importedArchitecture,
    labels,
    encoder,
    model: model({ name: 'imported', inputs: rows!, outputs: headOf(rows!, rows!) }),
    trunk: model({ name: 'imported_trunk', inputs: rows!, outputs: rows! }),
    tail: model({ name: 'imported_tail', inputs: map!, outputs: headOf(map!, map!) }),
    embeddingDimension: head.embeddingDimension,
    instanceDimension: head.instanceDimension,
    isHead: (layer) => (headLayers as readonly string[]).includes(layer),
  }
}
