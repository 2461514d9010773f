/**
 * `npm run evaluate -- --url URL --gallery NAME --data FOLDER`: quality and latency of a running service over HTTP
 * (protocol B): train + val are ingested in bulk, every test picture is a query.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AlikeClient, dataOf, type ServedModel } from '../../clients/typescript/src/alike-client.js'
import { command, runCommand, serviceOptions, wholeNumber, writtenFile } from '../command-line.js'
import { readSplitImages, trainedSplitOf } from '../datasets/split-images.js'
import { readRecords, splitRecordFile } from '../datasets/split-record.js'
import { AlikeError } from '../errors.js'
import { expandMax } from '../eval/ranking.js'
import { Evaluation, type EvaluationOptions } from './evaluation.js'
import { type ServicePlace, serviceClient } from './service-client.js'

interface EvaluateOptions extends ServicePlace, EvaluationOptions {
  data: string
  labels?: string | undefined
  model?: string | undefined
  reuse: boolean
  out?: string | undefined
}

/** The model of the gallery: the service's own if the gallery is new. */
async function modelOf(service: AlikeClient, { gallery, reuse }: EvaluateOptions): Promise<ServedModel> {
  if (!reuse) return service.servedModel()
  const { modelId: model } = await service.gallery(gallery)
  return dataOf(service.api.GET('/v1/models/{model}', { params: { path: { model } } }))
}

async function evaluate(options: EvaluateOptions): Promise<void> {
  const service = await serviceClient(options)
  const model = await modelOf(service, options)
  const trained = trainedSplitOf(model.manifest.provenance as Readonly<Record<string, unknown>>)
  const records = await readRecords(options.model === undefined ? [] : [options.model])
  if (options.model !== undefined && records.length === 0)
    throw new AlikeError('model_unreadable', {
      detail: `${join(options.model, splitRecordFile)}, the record of its split, does not exist: without --model the split is drawn.`,
    })
  if (records.length > 0 && trained.recordSha256 === undefined)
    throw new AlikeError('split_differs', {
      detail: `${options.model} is another network: the service answers with ${model.name} (${model.id}), which was trained without a record of its split.`,
    })
  const images = await readSplitImages({ ...options, ...trained, records })
  const report = await new Evaluation(service, options, images).run(model, options.reuse)
  console.log(report)
  if (options.out !== undefined) await writeFile(options.out, report)
}

await runCommand(
  command(
    'npm run evaluate --',
    'Measures quality and latency of a running service: stores train and val pictures, queries with test pictures.',
  )
    .requiredOption(
      '--data <folder>',
      'a folder per label, or pictures with a CSV; without a split, they are split as for training',
    )
    .option('--labels <csv>', 'filename,label[,split][,duplicate_group]; labels.csv of the folder by default')
    .option('--model <folder>', 'folder of the served network, if data without a split has changed since its training')
    .option('--gallery <name>', 'gallery to create', 'evaluate')
    .option('--reuse', 'use an existing, filled gallery', false)
    .option('--queries <count>', 'only this many test pictures, a proportional share of each label', wholeNumber())
    .option('--expand <hits>', 'expand each query by this many of its best hits', wholeNumber(1, expandMax))
    .option('--out <file>', 'also write the report to this file', writtenFile)
    .option(...serviceOptions.url)
    .option(...serviceOptions.key)
    .addOption(serviceOptions.keyFile)
    .action(evaluate),
)
