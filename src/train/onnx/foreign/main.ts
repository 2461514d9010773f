/** `npm run import`: makes a network of this project from an ONNX file that another framework exported. */

import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InvalidArgumentError } from '@commander-js/extra-typings'
import { cancelled, command, oneOf, runCommand, shellWord, wholeNumber } from '../../../command-line.js'
import { readSplitImages } from '../../../datasets/split-images.js'
import { fits, inputSizes, kernels, type Preprocessing, shortSides } from '../../../image/preprocessing.js'
import { networkName } from '../../network-name.js'
import { share } from '../../report/markdown.js'
import { expectUnused, makeFolder } from '../../run-folder.js'
import { chosenPreprocessing, exportedNetwork } from './exported-folder.js'
import { poolings } from './foreign-graph.js'
import { type Imported, importNetwork } from './import-network.js'

export function importCommand() {
  return command('npm run import --', 'Makes a network from an ONNX file that another framework exported.')
    .argument(
      '<file>',
      'image encoder: float pictures in, one vector per picture out; or the folder that an exporter wrote',
    )
    .requiredOption('--name <name>', 'name of the network and its folder', networkName)
    .option(
      '--mean <r,g,b>',
      'mean of each colour, subtracted, 0 to 1; required unless the folder states it',
      colours(0),
    )
    .option('--std <r,g,b>', 'standard deviation, by which each is then divided; likewise', colours(Number.MIN_VALUE))
    .option(
      '--input-size <pixels>',
      'side of the input, if the file leaves it open',
      wholeNumber(inputSizes.minimum, inputSizes.maximum),
    )
    .option(
      `--fit <${fits.join('|')}>`,
      'cut the middle square out, or squash the picture (default: cover)',
      oneOf(fits),
    )
    .option(
      '--short-side <pixels>',
      'length to which cover resizes the shorter side (default: the input size)',
      wholeNumber(shortSides.minimum, shortSides.maximum),
    )
    .option(`--kernel <${kernels.join('|')}>`, 'kernel for resizing (default: cubic)', oneOf(kernels))
    .option('--output <name>', 'output to use, if several are possible')
    .option(
      `--pooling <${poolings.join('|')}>`,
      'for outputs that are not one vector: first token, or mean',
      oneOf(poolings),
    )
    .option('--data <folder>', 'labelled pictures on which its scores are calibrated; test pictures are not used')
    .option('--labels <csv>', 'as for npm run train')
    .option('--out <folder>', 'where the folder of the network goes', 'onnx')
    .option('--force', 'replace a network of that name', false)
}

/** Parses three numbers up to 1. @returns on the scale 0 to 255 */
function colours(minimum: number): (text: string) => number[] {
  return (text) => {
    const parts = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)))
    if (parts.length === 3 && parts.every((part) => part >= minimum && part <= 1))
      return parts.map((part) => part * 255)
    throw new InvalidArgumentError(
      `It must be three numbers ${minimum > 0 ? 'above 0, up to 1' : 'from 0 to 1'}, for red, green and blue.`,
    )
  }
}

type Given = ReturnType<ReturnType<typeof importCommand>['opts']>

async function run(
  file: string,
  { name, out, force, data, labels, ...given }: Given,
  program: { error(text: string): never },
): Promise<void> {
  const folder = shellWord(join(out, name))
  if (data === undefined && labels !== undefined) program.error('error: --labels needs --data')
  if (given.fit === 'squash' && given.shortSide !== undefined) program.error('error: --short-side needs --fit cover')
  await expectUnused({ name, out, force })
  const images = data === undefined ? undefined : await readSplitImages({ data, labels })
  const { mean, std, fit, kernel, inputSize, shortSide: resizeShortSide, output, pooling } = given
  const options = { inputSize, fit, resizeShortSide, kernel, mean, std }
  const optionsSuffice = mean !== undefined && std !== undefined
  const { stated, ...network } = await exportedNetwork(file, { optionsSuffice })
  const preprocessing = chosenPreprocessing(options, stated?.preprocessing)
  await makeFolder(out)
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort()) // a second one ends the process at once
  const done = await importNetwork({
    ...network,
    name,
    out,
    preprocessing,
    output,
    pooling,
    images,
    now: new Date(),
    log: console.log,
    stop: interrupt.signal,
  }).catch((error: unknown) => {
    if (!interrupt.signal.aborted) throw error
  })
  if (done === undefined) {
    console.error('Cancelled; nothing was written.')
    process.exitCode = cancelled
    return
  }
  const isOverruled = Object.values(options).some((option) => option !== undefined)
  report(done, folder, stated && `${stated.by}${isOverruled ? ' and the options' : ''}`)
}

/** @param statedBy what states its preprocessing */
function report({ manifest, quality, output }: Imported, folder: string, statedBy: string | undefined): void {
  const { id, embeddingDimension, preprocessing: used, files } = manifest
  console.log(
    `${folder} (${id}): ${embeddingDimension} numbers a picture, from the output ${output}; pictures of ${used.inputSize} × ${used.inputSize}; ${(files.fp32.bytes / 1e6).toFixed(1)} MB`,
  )
  if (statedBy !== undefined) console.log(`preprocessing as in ${statedBy}: ${described(used)}`)
  if (quality !== undefined) {
    const { 'mAP@1': first, 'mAP@10': ten, normalisedMeanRank: rank } = quality
    console.log(`mAP@1 ${share(first)}, mAP@10 ${share(ten)}, normalised mean rank ${share(rank)}`)
  }
  console.log(`next: MODEL_DIR=${folder} npm start, or npm run model -- install ${folder}`)
  console.log(
    `      npm run quantize -- --model ${folder} --data … adds int8 and fp16, with labelled pictures or --unlabelled`,
  )
  console.log(`      npm run train -- --init ${folder} --phases head:10 … trains a head on labelled pictures`)
}

/** On the scale of the options. */
function described({ fit, resizeShortSide, inputSize, kernel, mean, std }: Preprocessing): string {
  const square = fit === 'cover' ? `short side ${resizeShortSide}, cut to ${inputSize}` : `squashed to ${inputSize}`
  const numbers = (colours: readonly number[]) => colours.map((one) => Number((one / 255).toFixed(4))).join(',')
  return `${square}, ${kernel}, mean ${numbers(mean)}, std ${numbers(std)}`
}

if (process.argv[1] !== undefined && pathToFileURL(resolve(process.argv[1])).href === import.meta.url)
  await runCommand(importCommand().action(run))
