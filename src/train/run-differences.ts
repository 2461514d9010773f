/** Refuses a checkpoint of another run, and says what differs: settings, starting weights or data. */
import { firstOf } from '../command-line.js'
import { AlikeError } from '../errors.js'

/** What a run is made of besides its settings, in the words of its user. */
const inWords: Record<string, string> = {
  data: 'the data (pictures, labels, split or feedback)',
  labels: 'the data (pictures, labels, split or feedback)',
  weightsSha256: 'the starting weights',
}
/** Settings → what users set them by. */
const options: Record<string, string> = {
  seed: '--seed',
  'batch.samples': '--samples',
  'batch.classes': '--classes',
  mixShare: '--mix',
  'learningRate.peak': '--rate',
  'preprocessing.fit': '--fit',
  'pairs.margin': '--margin',
  'pairs.negativeWeight': '--negatives',
  'pairs.mean': '--pair-mean',
  'instance.weight': '--instance',
  wildShare: '--wild',
  views: '--views',
  'head.pooling': '--pooling',
}
const shownDifferences = 5

/**
 * @param saved, current fingerprints: JSON of the facts that must be the same when a run is continued
 * @throws AlikeError `run_differs`
 */
export function expectSameRun(saved: string, current: string): void {
  if (saved === current) return
  const differences = differencesOf(JSON.parse(saved), JSON.parse(current))
  const listed = firstOf(differences, shownDifferences, '; ')
  const detail = `These differ: ${listed}. Resume with what it was started with, or choose another --name.`
  throw new AlikeError('run_differs', { detail })
}

function differencesOf(saved: object, current: object): string[] {
  const [before, now] = [valuesOf(saved), valuesOf(current)]
  // what is named in words comes first: with other starting weights most settings differ
  const places = [...new Set([...Object.keys(inWords), ...before.keys(), ...now.keys()])].filter(
    (place) => before.get(place) !== now.get(place),
  )
  const shown = (value = 'not set') => value.replaceAll('"', '')
  const descriptions = places.map(
    (place) =>
      inWords[place] ?? `${options[place] ?? place} (was ${shown(before.get(place))}, is ${shown(now.get(place))})`,
  )
  return [...new Set(descriptions)]
}

/** Every value as JSON, by its place: `batch.samples`. Lists count as values. */
function valuesOf(facts: object, prefix = ''): Map<string, string> {
  const entries = Object.entries(facts).flatMap(([name, value]: [string, unknown]): [string, string][] =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? [...valuesOf(value, `${prefix}${name}.`)]
      : [[`${prefix}${name}`, JSON.stringify(value)]],
  )
  return new Map(entries)
}
