/** Applies the options of `npm run train` without `--init` to the defaults. */
import type { TrainOptions } from './options.js'
import type { RunSettings } from './run-settings.js'
import { defaultSettings, type TrainSettings } from './settings.js'

export function settingsOf(options: TrainOptions): TrainSettings {
  const defaults = defaultSettings
  return {
    ...defaults,
    ...runSettingsOf(options),
    name: options.name ?? defaults.name,
    epochs: options.epochs,
    teacherViews: options.teacherViews,
    learningRate: { ...defaults.learningRate, peak: options.rate },
    preprocessing: { ...defaults.preprocessing, fit: options.fit },
  }
}

/** Applies the options that both kinds of run have. */
export function runSettingsOf(options: TrainOptions): Omit<RunSettings, 'name' | 'shares' | 'checkpointEverySeconds'> {
  const { data, labels, feedback, out, work, backend, compute, seed, resume, force, teachers } = options
  return {
    ...{ data, labels, feedback, out, work, backend, compute, seed, resume, force, teachers },
    exportOnly: options.exportOnly || options.finish,
    report: options.report && !options.exportOnly,
    dataLicence: options.licence ?? null,
    batch: { classes: options.classes, samples: options.samples },
    mixShare: options.mix,
  }
}
