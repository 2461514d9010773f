/** Parses `--phases tail:5,all:1`: what to train, in order. */
import { InvalidArgumentError } from '@commander-js/extra-typings'
import { oneOf, positiveNumber, wholeNumber } from '../../command-line.js'
import { type Phase, phaseNames } from './settings.js'

/**
 * Peak learning rates. Training the head alone cannot damage what was learned before; with all layers the body gets the
 * lowest rate.
 */
const phaseRates: Record<Phase['trains'], Phase['rate']> = {
  head: { head: 1e-3, body: 0 },
  tail: { head: 1e-3, body: 1e-4 },
  all: { head: 2e-4, body: 5e-5 },
}

/**
 * `name:epochs`, optionally followed by `@side` and `xfactor` (a factor on the learning rates), separated by commas.
 * Cached maps come from the starting trunk, so no phase may use them after the trunk was trained.
 * @throws InvalidArgumentError
 */
export function phasesOf(list: string): Phase[] {
  const phases = list.split(',').map(phaseOf)
  const whole = phases.findIndex(({ trains }) => trains === 'all')
  if (whole >= 0 && phases.slice(whole).some(({ trains }) => trains !== 'all'))
    throw new InvalidArgumentError('All can only be trained at the end.')
  return phases
}

function phaseOf(entry: string): Phase {
  const { name, epochs, side, factor } =
    /^(?<name>[^:]*)(:(?<epochs>[^@x]*)(@(?<side>[^x]*))?(x(?<factor>.*))?)?$/.exec(entry)?.groups ?? {}
  const trains = oneOf(phaseNames)(name ?? '')
  if (side !== undefined && trains !== 'all') throw new InvalidArgumentError('Only all takes a side.')
  if (epochs === undefined) throw new InvalidArgumentError(`The number of epochs is missing, as in ${trains}:4.`)
  const times = factor === undefined ? 1 : partOf('factor', positiveNumber, factor)
  const { head, body } = phaseRates[trains]
  return {
    trains,
    epochs: partOf('number of epochs', wholeNumber(), epochs),
    rate: { head: head * times, body: body * times },
    ...(side !== undefined && { side: partOf('side', wholeNumber(32, 1_024), side) }),
  }
}

/** The parsers call what they read "it", which of an entry says too little. */
function partOf(name: string, parse: (text: string) => number, text: string): number {
  try {
    return parse(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message.replace(/^It/, `Its ${name}`))
  }
}
