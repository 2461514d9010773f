/** Parts of the addresses of calls, percent-encoded. */

/**
 * A part of a path.
 * @throws RangeError for `.` and `..`: they have a meaning in every URL, and would lead to another resource
 */
export function segment(value: string): string {
  if (value === '.' || value === '..') throw new RangeError(`"${value}" is neither an id nor a name.`)
  return encodeURIComponent(value)
}

/** Lists become repeated parameters, as in the contract. */
export function queryOf(parameters: object): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    [value as unknown].flat().flatMap((one): [string, string][] => (one === undefined ? [] : [[name, String(one)]])),
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}
