/** The graph of an imported network with a head that was trained on its vectors. */
import type { Encoder, TrainableNetwork } from '../../models/network.js'
import { convertHead } from '../convert.js'
import { GraphBuilder } from '../graph-builder.js'
import { vectorScale } from './encoder.js'
import { surrounded } from './foreign-graph.js'

/** Precedes every name of the imported network, so that none is equal to one of the head. */
const prefix = 'encoder/'

/**
 * Graph: `pixels` uint8 [N, S, S, 3] → the imported network → head → `embedding` [N, D] of unit length and `logits`
 * [N, C]. What the imported network returned itself is left to its values.
 * @throws AlikeError `export_layer_unsupported`
 */
export async function encoderWithHead(network: TrainableNetwork, encoder: Encoder): Promise<Uint8Array> {
  const { inputSize } = network.preprocessing
  const builder = new GraphBuilder()
  const pixels = builder.input('pixels', 'uint8', ['N', inputSize, inputSize, 3])
  builder.add('Identity', `${prefix}pixels`, [pixels])
  return surrounded(await encoder.read(), {
    before: builder.build(network.name, []).graph,
    prefix,
    after: convertHead(network, `${prefix}embedding`, vectorScale(encoder.dimension)),
  })
}
