/** EfficientNet-Lite0 with batch-norm, with the tensor names of the PyTorch port of Google's release. */
import { lite0Blocks, lite0Preprocessing } from '../models/efficientnet-lite0.js'
import { asDepthwise, kernelFromChannelsFirst, tensorOf, transposed } from './tensor-layout.js'
import type { LayerWeights, TensorsByName, WeightFormat } from './weight-format.js'

/** Our layer → the file's. A convolution and the norm after it share our name. */
function sources(): [ours: string, convolution: string, norm: string][] {
  const blocks = lite0Blocks().flatMap(({ expand }, index): [string, string, string][] => {
    const at = `_blocks.${index}`
    return [
      ...(expand === 1
        ? []
        : [[`block${index}.expand`, `${at}._expand_conv`, `${at}._bn0`] as [string, string, string]]),
      [`block${index}.depthwise`, `${at}._depthwise_conv`, `${at}._bn1`],
      [`block${index}.project`, `${at}._project_conv`, `${at}._bn2`],
    ]
  })
  return [['stem', '_conv_stem', '_bn0'], ...blocks, ['top', '_conv_head', '_bn1']]
}

export const efficientnetLite0: WeightFormat = {
  architecture: 'efficientnet-lite0',
  description: 'EfficientNet-Lite0 with batch-norm (safetensors)',
  recognises: (tensors) =>
    tensors.has('_blocks.1._depthwise_conv.weight') &&
    tensors.has('_conv_head.weight') &&
    !tensors.has('_blocks.1._se_reduce.weight'),
  read: (tensors) => ({
    layers: layersFrom(tensors),
    ...(tensors.has('_fc.weight') && {
      classifier: [transposed(tensorOf(tensors, '_fc.weight')), tensorOf(tensors, '_fc.bias')],
    }),
    preprocessing: lite0Preprocessing,
  }),
}

/**
 * From a file of this project, where each convolution has the norm that followed it in its kernel and bias.
 * @throws AlikeError `weights_unreadable` if a layer is missing.
 */
export function foldedLite0Layers(tensors: TensorsByName): LayerWeights {
  return new Map(
    sources().map(([ours]) => {
      const kernel = kernelFromChannelsFirst(tensorOf(tensors, `${ours}.conv/kernel`))
      const bias = tensorOf(tensors, `${ours}.conv/bias`)
      return [`${ours}.conv`, [ours.endsWith('depthwise') ? asDepthwise(kernel) : kernel, bias]]
    }),
  )
}

function layersFrom(tensors: TensorsByName): LayerWeights {
  return new Map(
    sources()
      .flatMap(([ours, convolution, norm]) => {
        const kernel = kernelFromChannelsFirst(tensorOf(tensors, `${convolution}.weight`))
        const statistics = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
          tensorOf(tensors, `${norm}.${part}`),
        )
        return [
          [`${ours}.conv`, [ours.endsWith('depthwise') ? asDepthwise(kernel) : kernel]],
          [`${ours}.norm`, statistics],
        ] as const
      })
      .map(([name, weights]) => [name, [...weights]]),
  )
}
