/** `npm run train`: takes labelled pictures and writes a network folder that the service can load. */
import { appendFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../command-line.js'
import { fineTune } from './fine-tuning/fine-tune.js'
import { fineTuneSettingsOf } from './fine-tuning/settings-of-options.js'
import { type TrainOptions, trainCommand } from './options.js'
import { closingLines } from './report/closing-lines.js'
import { expectUnused } from './run-folder.js'
import { settingsOf } from './settings-of-options.js'
import { trainFromNothing } from './train-from-nothing.js'

async function run(options: TrainOptions): Promise<void> {
  const settings = options.init === undefined ? settingsOf(options) : fineTuneSettingsOf(options)
  await expectUnused(settings)
  const work = join(settings.work, settings.name)
  await mkdir(work, { recursive: true })
  const log = (line: string): void => {
    console.log(line)
    appendFileSync(join(work, 'train.log'), `${new Date().toISOString()} ${line}\n`)
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const ended =
    'init' in settings ? await fineTune(settings, log, stop.signal) : await trainFromNothing(settings, log, stop.signal)
  if (ended.folder !== undefined) for (const line of closingLines(ended, options)) log(line)
}

await runCommand(trainCommand().action(run))
