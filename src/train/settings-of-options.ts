/** Applies the options of `npm run train` without `--init` to the defaults. */
import type { TrainOptions } from './options.js'
import { defaultSettings, type TrainSettings } from './settings.js'

export function settingsOf(options: TrainOptions): TrainSettings {
  const defaults = defaultSettings
  const { data, labels, out, work, backend, compute, seed, resume, force, epochs } = options
  return {
    ...defaults,
    ...{ data, labels, out, work, backend, compute, seed, resume, force, epochs },
    name: options.name ?? defaults.name,
    feedback: options.feedback,
    mixShare: options.mix,
    teachers: options.teachers,
    teacherViews: options.teacherViews,
    exportOnly: options.exportOnly || options.finish,
    report: options.report && !options.exportOnly,
    dataLicence: options.licence ?? null,
    batch: { classes: options.classes, samples: options.samples },
    learningRate: { ...defaults.learningRate, peak: options.rate },
    preprocessing: { ...defaults.preprocessing, fit: options.fit },
  }
}
