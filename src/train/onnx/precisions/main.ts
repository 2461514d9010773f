/** `npm run quantize`: adds the int8 and fp16 precisions to the folder of an exported network. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { readLabelledImages } from '../../../datasets/labelled-images.js'
import { withSplit } from '../../../datasets/split.js'
import { readModel } from '../../../embedding/model-manifest.js'
import { AlikeError } from '../../../errors.js'
import { seededRandom } from '../../../eval/random.js'
import { defaultSettings } from '../../settings.js'
import { type AddPrecisionsOptions, addPrecisions, type SmallerPrecision } from './add-precisions.js'
import type { WeightBits } from './eight-bits.js'

export const usage = `npm run quantize -- --model FOLDER --data FOLDER [options]
  --model FOLDER        what npm run train wrote, onnx/NAME
  --data FOLDER         the pictures it was trained on; test pictures are not looked at
  --labels CSV          as for npm run train
  --precisions int8,fp16 what to make (default both)
  --pictures N          training pictures that the 8-bit ranges are taken from (default 64)
  --weight-bits 8|7     of int8 (default 8, which wants VNNI; 7 gives the same on every processor and is farther from fp32)
  --min-speedup X       of int8 over fp32 on one core (default 2.5 for ResNet-50, 1 for others)`

/** @throws Error with the usage when an option is unknown, missing or no number. */
export async function quantizeOptionsOf(args: readonly string[]): Promise<AddPrecisionsOptions> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: text,
      data: text,
      labels: text,
      precisions: text,
      pictures: text,
      'weight-bits': text,
      'min-speedup': text,
    },
  })
  const { model: folder, data } = values
  if (folder === undefined || data === undefined) throw new Error(`--model and --data are needed\n\n${usage}`)
  const minSpeedup = positive('min-speedup', values['min-speedup'])
  const calibrationImages = positive('pictures', values.pictures)
  const { seed } = (await readModel(folder)).manifest.provenance
  // the split that training made, where the data has none of its own
  const random = seededRandom(typeof seed === 'number' ? seed : defaultSettings.seed)
  return {
    folder,
    precisions: (values.precisions ?? 'int8,fp16').split(',').map(precisionOf),
    images: withSplit(await readLabelledImages(data, values.labels), defaultSettings.shares, random),
    weightBits: bitsOf(values['weight-bits'] ?? '8'),
    ...(minSpeedup !== undefined && { minSpeedup }),
    ...(calibrationImages !== undefined && { calibrationImages }),
  }
}

function precisionOf(name: string): SmallerPrecision {
  if (name === 'int8' || name === 'fp16') return name
  throw new Error(`--precisions takes int8 and fp16, not ${name}`)
}

function bitsOf(text: string): WeightBits {
  if (text === '7' || text === '8') return text === '7' ? 7 : 8
  throw new Error('--weight-bits is 7 or 8')
}

function positive(option: string, value: string | undefined): number | undefined {
  if (value === undefined || Number(value) > 0) return value === undefined ? undefined : Number(value)
  throw new Error(`--${option} is a positive number`)
}

if (process.argv[1] !== undefined && pathToFileURL(resolve(process.argv[1])).href === import.meta.url) {
  try {
    const { files } = await addPrecisions({ ...(await quantizeOptionsOf(process.argv.slice(2))), log: console.log })
    for (const { file, bytes } of Object.values(files)) console.log(`${file} ${(bytes / 1e6).toFixed(1)} MB`)
  } catch (error) {
    console.error(error instanceof AlikeError ? `${error.code}: ${error.message}` : error)
    process.exitCode = 1
  }
}
