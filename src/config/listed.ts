/** Settings that are lists. */

/** Numbers separated by commas, as a pattern. */
export const numberList = (number: string, most: number) => `^${number}(?:\\s*,\\s*${number}){0,${most - 1}}$`

/** The numbers in a list setting. */
export const numbersOf = (list: string): number[] => list.split(',').map(Number)

/** The entries of a string list setting; none if it is empty. */
export const textsOf = (list: string): string[] =>
  list
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
