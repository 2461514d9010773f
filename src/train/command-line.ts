/** Checks of single options, shared by the two kinds of `npm run train`. */

export function oneOf<T extends string>(option: string, value: string, choices: readonly T[], usage: string): T {
  return choices.find((choice) => choice === value) ?? refuse(`--${option} is one of ${choices.join(', ')}`, usage)
}

export function positive(option: string, value: string | undefined, usage: string, whole = true): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value)
  return number > 0 && (!whole || Number.isInteger(number))
    ? number
    : refuse(`--${option} is a positive ${whole ? 'whole ' : ''}number`, usage)
}

/** From 0 to 1. */
export function fraction(option: string, value: string | undefined, usage: string): number | undefined {
  if (value === undefined) return undefined
  const number = value === '' ? NaN : Number(value)
  return number >= 0 && number <= 1 ? number : refuse(`--${option} is a number from 0 to 1`, usage)
}

export function refuse(reason: string, usage: string): never {
  throw new Error(`${reason}\n\n${usage}`)
}
