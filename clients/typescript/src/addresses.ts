/** The address of the service, and parts of the addresses of calls, percent-encoded. */

/**
 * What the paths of calls are appended to. In a web page also a path of the page's own server.
 * @throws TypeError for anything else: a call would fail only after its retries, or go elsewhere
 */
export function serviceAddress(url: string): string {
  // the error of `Request` would show them
  if (/^[^/?#]*:\/\/[^/?#]*@/.test(url))
    throw new TypeError('The address of the service must not contain a user name or password.')
  const isOfPage = 'location' in globalThis && /^(\/[^?#]*)?$/.test(url)
  if (!isOfPage && !/^https?:\/\/[^/?#]+[^?#]*$/i.test(url))
    throw new TypeError(
      `The address of the service must begin with http:// or https:// and end with its path; "${url}" does not.`,
    )
  return url.replace(/\/+$/, '')
}

/**
 * A part of a path.
 * @throws RangeError for `.` and `..`: they have a meaning in every URL, and would lead to another resource
 */
export function segment(value: string): string {
  if (value === '.' || value === '..') throw new RangeError(`"${value}" is neither an id nor a name.`)
  return encodeURIComponent(value)
}

/** Lists become repeated parameters, and objects JSON, as in the contract. */
export function queryOf(parameters: object): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    [value as unknown].flat().flatMap((one): [string, string][] => (one === undefined ? [] : [[name, textOf(one)]])),
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
