/**
 * ResNet-50 in torchvision's format with two channels instead of 64 and random weights: the real structure in 100 KB.
 */
import { seededRandom } from '../../src/eval/random.js'
import type { NamedTensor } from '../../src/train/safetensors.js'

export const narrowWidth = 2

export interface Convolution {
  /** torchvision's name. */
  name: string
  inputs: number
  outputs: number
  kernel: number
}

export function narrowConvolutions(): Convolution[] {
  const all: Convolution[] = [{ name: 'conv1', inputs: 3, outputs: narrowWidth, kernel: 7 }]
  let inputs = narrowWidth
  for (const [stage, count] of [3, 4, 6, 3].entries()) {
    const inner = narrowWidth * 2 ** stage
    for (let block = 0; block < count; block++) {
      const name = `layer${stage + 1}.${block}`
      all.push(
        { name: `${name}.conv1`, inputs, outputs: inner, kernel: 1 },
        { name: `${name}.conv2`, inputs: inner, outputs: inner, kernel: 3 },
        { name: `${name}.conv3`, inputs: inner, outputs: 4 * inner, kernel: 1 },
      )
      if (block === 0) all.push({ name: `${name}.downsample.0`, inputs, outputs: 4 * inner, kernel: 1 })
      inputs = 4 * inner
    }
  }
  return all
}

/** Values uniform in ±spread, or between spread and 1 if `positive`. */
export function randomTensors(
  seed: number,
): (name: string, shape: number[], spread?: number, positive?: boolean) => NamedTensor {
  const random = seededRandom(seed)
  return (name, shape, spread = 1, positive = false) => ({
    name,
    shape,
    values: Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () =>
      positive ? spread + (1 - spread) * random() : spread * (2 * random() - 1),
    ),
  })
}

/** conv1 → bn1, layer1.0.downsample.0 → layer1.0.downsample.1. */
export const torchNormOf = (name: string): string =>
  name.includes('downsample') ? name.replace(/0$/, '1') : name.replace(/conv(\d)$/, 'bn$1')

/** The content of torchvision's state_dict; the spreads keep values from vanishing over 50 layers. */
export function narrowTorchTensors(seed: number): NamedTensor[] {
  const tensor = randomTensors(seed)
  return narrowConvolutions().flatMap(({ name, inputs, outputs, kernel }) => [
    tensor(`${name}.weight`, [outputs, inputs, kernel, kernel], Math.sqrt(6 / (inputs * kernel ** 2))),
    tensor(`${torchNormOf(name)}.weight`, [outputs], 0.5, true),
    tensor(`${torchNormOf(name)}.bias`, [outputs], 0.1),
    tensor(`${torchNormOf(name)}.running_mean`, [outputs], 0.1),
    tensor(`${torchNormOf(name)}.running_var`, [outputs], 0.7, true),
  ])
}
