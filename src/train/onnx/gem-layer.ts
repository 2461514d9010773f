/** Generalised-mean pooling. */
import { smallestActivation } from '../models/gem-pooling.js'
import type { Value } from './graph-builder.js'
import { type LayerCall, onlyInput, unsupported } from './layer-call.js'
import type { LayerContext } from './layer-context.js'

/** [N, C, H, W] → (mean of max(x, ε)^p)^(1/p), [N, C]. */
export function addGemPooling({ builder, value }: LayerContext, call: LayerCall): Value {
  const { name } = call.layer
  const { power } = call.layer.getConfig()
  if (typeof power !== 'number') throw unsupported(call, 'has no power')
  const constant = (label: string, number: number) => builder.floats(`${name}/${label}`, Float32Array.of(number), [])
  const clipped = builder.add('Max', `${name}/clipped`, [
    value(onlyInput(call)),
    constant('smallest', smallestActivation),
  ])
  const powers = builder.add('Pow', `${name}/powers`, [clipped, constant('power', power)])
  const mean = builder.add('Flatten', `${name}/mean`, [builder.add('GlobalAveragePool', `${name}/pooled`, [powers])], {
    axis: 1,
  })
  return builder.add('Pow', name, [mean, constant('root', 1 / power)])
}
