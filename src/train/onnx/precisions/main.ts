/** `npm run quantize`: adds the int8 and fp16 precisions to the folder of an exported network. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Option } from '@commander-js/extra-typings'
import { command, oneOf, positiveNumber, runCommand, wholeNumber } from '../../../command-line.js'
import { readSplitImages, readUnlabelledImages, trainedSplitOf } from '../../../datasets/split-images.js'
import { readRecords } from '../../../datasets/split-record.js'
import { readModel } from '../../../embedding/model-manifest.js'
import { AlikeError, hasCode } from '../../../errors.js'
import { type AddPrecisionsOptions, addPrecisions } from './add-precisions.js'
import type { SmallerPrecision } from './make-precisions.js'

const smallerPrecisions: readonly SmallerPrecision[] = ['int8', 'fp16']
const precisionsOf = (list: string): SmallerPrecision[] => [...new Set(list.split(',').map(oneOf(smallerPrecisions)))]

export function quantizeCommand() {
  return command('npm run quantize --', 'Adds int8 and fp16 to a network, each verified on val pictures.')
    .requiredOption('--model <folder>', 'what npm run train or npm run import wrote, onnx/NAME')
    .requiredOption(
      '--data <folder>',
      'the pictures it was trained on, or those that an imported network is to search; test pictures are not used',
    )
    .option('--labels <csv>', 'as for npm run train')
    .addOption(
      new Option('--unlabelled', 'the pictures of an imported network have no labels: compare embeddings alone')
        .default(false)
        .conflicts('labels'),
    )
    .addOption(
      new Option('--precisions <list>', 'what to make, separated by commas')
        .argParser(precisionsOf)
        .default([...smallerPrecisions], smallerPrecisions.join(',')),
    )
    .option('--pictures <count>', 'training pictures from which the 8-bit ranges are computed', wholeNumber(2), 64)
    .option(
      '--min-speedup <factor>',
      'minimum speed-up of int8 over fp32 on one core (default: 2.5 for ResNet-50, 1.2 for imported networks, 1 for others)',
      positiveNumber,
    )
}
type Given = ReturnType<ReturnType<typeof quantizeCommand>['opts']>

/** @throws AlikeError `model_unreadable`, `dataset_unusable`, `split_differs` */
export async function quantizeOptionsOf({
  model: folder,
  data,
  labels,
  unlabelled,
  pictures: calibrationImages,
  ...given
}: Given): Promise<AddPrecisionsOptions> {
  const { provenance, labels: known } = (await readModel(folder)).manifest
  if (unlabelled) {
    if (known.length > 0)
      throw new AlikeError('dataset_unusable', {
        detail: 'The network has labels: --data names the pictures it was trained on, without --unlabelled.',
      })
    return { folder, images: await readUnlabelledImages(data), unlabelled, calibrationImages, ...given }
  }
  const records = await readRecords([folder])
  const images = await readSplitImages({ data, labels, ...trainedSplitOf(provenance), records }).catch(
    (error: unknown) => {
      if (known.length > 0 || !hasCode(error, 'dataset_unusable')) throw error
      const detail = `${error.detail} If they have no labels: --unlabelled.`
      throw new AlikeError('dataset_unusable', { detail, cause: error })
    },
  )
  if (known.length > 0 && !images.some(({ label }) => known.includes(label)))
    throw new AlikeError('dataset_unusable', {
      detail: `None of the labels that the network was trained on (${examplesOf(known)}) is in the data: --data names the pictures it was trained on.`,
    })
  return { folder, images, calibrationImages, ...given }
}

const examplesOf = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')}, …` : names.join(', ')

async function run(given: Given): Promise<void> {
  const { files } = await addPrecisions({ ...(await quantizeOptionsOf(given)), log: console.log })
  for (const { file, bytes } of Object.values(files)) console.log(`${file} ${(bytes / 1e6).toFixed(1)} MB`)
}

if (process.argv[1] !== undefined && pathToFileURL(resolve(process.argv[1])).href === import.meta.url)
  await runCommand(quantizeCommand().action(run))
