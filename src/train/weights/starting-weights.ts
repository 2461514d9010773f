/**
 * `--init PATH`: reads a file of public weights, or a network folder of this project, and recognises the network from
 * it.
 */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { AlikeError } from '../../errors.js'
import { parseTensors } from '../safetensors.js'
import { efficientnetLite0 } from './efficientnet-lite0-format.js'
import { isHdf5, readHdf5 } from './hdf5.js'
import { readOwnModel } from './own-model.js'
import { foldedResNet50, kerasResNet50, torchvisionResNet50 } from './resnet50-formats.js'
import type { StartingWeights, TensorsByName, WeightFormat } from './weight-format.js'

const formats: readonly WeightFormat[] = [foldedResNet50, torchvisionResNet50, kerasResNet50, efficientnetLite0]

/**
 * @param expectedSha256 as published with the file; verified if given
 * @throws AlikeError `weights_unreadable`, naming the mismatch; `model_unreadable` for a folder.
 */
export async function readStartingWeights(path: string, expectedSha256?: string): Promise<StartingWeights> {
  const weights = (await isFolder(path)) ? await readOwnModel(path) : await readFileOfWeights(path)
  const { file, sha256 } = weights
  if (expectedSha256 !== undefined && sha256 !== expectedSha256.toLowerCase()) {
    throw new AlikeError('weights_unreadable', { detail: `${file} has the SHA-256 ${sha256}, not ${expectedSha256}.` })
  }
  return weights
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

async function readFileOfWeights(path: string): Promise<StartingWeights> {
  const file = basename(path)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AlikeError('weights_unreadable', { detail: `${path} does not exist or cannot be read.`, cause })
  })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const tensors = await readAnyTensors(file, path, bytes)
  const format = formats.find((candidate) => candidate.recognises(tensors))
  if (format === undefined) {
    const known = formats.map(({ description }) => description).join('; ')
    throw new AlikeError('weights_unreadable', {
      detail: `${file} has ${tensors.size} tensors (${[...tensors.keys()].slice(0, 3).join(', ')} …), which match none of: ${known}.`,
    })
  }
  return { ...format.read(tensors), architecture: format.architecture, description: format.description, file, sha256 }
}

async function readAnyTensors(file: string, path: string, bytes: Buffer): Promise<TensorsByName> {
  try {
    const tensors = isHdf5(bytes) ? await readHdf5(path) : parseTensors(bytes).tensors
    return new Map(tensors.map((tensor) => [tensor.name, tensor]))
  } catch (cause) {
    const detail = file.endsWith('.onnx')
      ? `${file} is read as part of its folder: name the folder instead.`
      : `${file} is neither a complete safetensors file nor an HDF5 file that can be read.`
    throw new AlikeError('weights_unreadable', { detail, cause })
  }
}
