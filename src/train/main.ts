/** `npm run train`: takes labelled pictures and writes a network folder that the service can load. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { cancelled, runCommand } from '../command-line.js'
import { isNoRoom } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { fineTune } from './fine-tuning/fine-tune.js'
import { fineTuneSettingsOf } from './fine-tuning/settings-of-options.js'
import { type TrainOptions, trainCommand } from './options.js'
import { closingLines } from './report/closing-lines.js'
import { expectUnused, makeFolder } from './run-folder.js'
import { settingsOf } from './settings-of-options.js'
import { trainFromScratch } from './train-from-scratch.js'

const signals = ['SIGINT', 'SIGTERM'] as const

async function run(options: TrainOptions): Promise<void> {
  const settings = options.init === undefined ? settingsOf(options) : fineTuneSettingsOf(options)
  await expectUnused(settings)
  const work = join(settings.work, settings.name)
  for (const folder of [settings.out, work]) await makeFolder(folder)
  const log = (line: string): void => {
    console.log(line)
    appendFileSync(join(work, 'train.log'), `${new Date().toISOString()} ${line}\n`)
  }
  const stop = new AbortController()
  const onSignal = () => {
    for (const signal of signals) process.off(signal, onSignal)
    stop.abort()
    log('stopping after this batch, or once the export is complete; a second signal ends the run at once')
  }
  for (const signal of signals) process.on(signal, onSignal)
  const trained =
    'init' in settings ? fineTune(settings, log, stop.signal) : trainFromScratch(settings, log, stop.signal)
  const ended = await trained.catch((cause: unknown) => {
    const detail = `The disk of ${work}, its cache or ${settings.out} is full: once there is room, --resume continues the run.`
    throw isNoRoom(cause) ? new AlikeError('folder_unwritable', { detail, cause }) : cause
  })
  if (ended.folder !== undefined) for (const line of closingLines(ended, options)) log(line)
  // whoever started it, such as a queue of jobs, must not take it for finished
  const isComplete = ended.folder !== undefined && (ended.metrics !== undefined || !settings.report)
  if (stop.signal.aborted && !isComplete) process.exitCode = cancelled
}

await runCommand(trainCommand().action(run))
