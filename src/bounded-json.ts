/**
 * Untrusted JSON, bounded before anything recurses over it: depth, number of values, and only numbers and texts that
 * can be written back unchanged. Of duplicate members the last one counts, as in `JSON.parse`.
 */
import { parse } from 'secure-json-parse'
import { misfitOfText, textOfUtf8 } from './text.js'

export interface JsonBounds {
  /** Maximum nesting of arrays and objects. */
  depthMax: number
  /** Values at all depths together, including arrays and objects. */
  valuesMax: number
}

/** For stored values: metadata of a picture, settings of a gallery. Their size is limited by `METADATA_MAX_BYTES`. */
const storedBytesDefault = 16 * 1024
export const storedBounds = { depthMax: 32, valuesMax: 4_096 } as const satisfies JsonBounds
/** At its top level; schemas check it. */
export const storedMembersMax = 100
/** For one line of an upload, or one row of a manifest: a stored value and its surroundings. */
export const lineBounds = {
  depthMax: storedBounds.depthMax + 2,
  valuesMax: storedBounds.valuesMax + 32,
} as const satisfies JsonBounds
/** For the body of a request; the largest is a batch of searches with vectors. */
export const bodyBounds = { depthMax: storedBounds.depthMax + 8, valuesMax: 400_000 } as const satisfies JsonBounds

const prototypeMember = 'has a member `__proto__`, or `constructor` with a `prototype`'

/** A misfit is a phrase to follow "it": `is nested deeper than 32`. */
export type ReadJson = { value: unknown } | { misfit: string }

/** Members that could reach a prototype are refused. */
export function readJson(given: string | Uint8Array, bounds: JsonBounds): ReadJson {
  const text = typeof given === 'string' ? given : textOfUtf8(given)
  if (text === undefined) return { misfit: 'is not UTF-8' }
  const misfit = misfitOfShape(text, bounds)
  if (misfit !== undefined) return { misfit }
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    return { misfit: reachesPrototype(error) ? prototypeMember : `is no JSON${placeOf(error, text)}` }
  }
  // Only an escape can produce invalid text: the bytes themselves were UTF-8.
  const unfit = typeof given === 'string' || text.includes('\\u') ? misfitOfTexts(value) : undefined
  return unfit === undefined ? { value } : { misfit: unfit }
}

/**
 * For parsed JSON, before it is stored.
 * @param maxBytes as JSON in UTF-8
 */
export function misfitOfStored(value: unknown, maxBytes = storedBytesDefault): string | undefined {
  const { depthMax, valuesMax } = storedBounds
  const tooLong = `has more than ${maxBytes} bytes as JSON`
  let values = 0
  let row: unknown[] = [value]
  for (let depth = 0; row.length > 0; depth++) {
    values += row.length
    if (values > valuesMax) return `holds more than ${valuesMax} values`
    if (row.some((one) => typeof one === 'string' && one.length > maxBytes)) return tooLong
    const containers = row.filter((one) => typeof one === 'object' && one !== null) as object[]
    if (containers.some((one) => Object.hasOwn(one, '__proto__'))) return prototypeMember
    if (containers.length > 0 && depth === depthMax) return `is nested deeper than ${depthMax}`
    row = containers.flatMap((one): unknown[] => Object.values(one))
  }
  const unfit = misfitOfTexts(value)
  if (unfit !== undefined) return unfit
  return Buffer.byteLength(JSON.stringify(value)) > maxBytes ? tooLong : undefined
}

/** Whether a complete JSON text nests deeper; short texts cannot. */
export function isDeeperThan(text: string, depthMax: number): boolean {
  return text.length > 2 * depthMax && misfitOfShape(text, { depthMax, valuesMax: Infinity }, false) !== undefined
}

/** ASCII codes of JSON's structural characters. */
const sign = {
  quote: 0x22,
  plus: 0x2b,
  comma: 0x2c,
  minus: 0x2d,
  point: 0x2e,
  zero: 0x30,
  nine: 0x39,
  bigE: 0x45,
  openArray: 0x5b,
  backslash: 0x5c,
  closeArray: 0x5d,
  smallE: 0x65,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const
const isDigit = (code: number): boolean => code >= sign.zero && code <= sign.nine

/** One pass over the text, from token to token; a string, such as a base64 picture, is skipped in one step. */
function misfitOfShape(text: string, { depthMax, valuesMax }: JsonBounds, numbers = true): string | undefined {
  let depth = 0
  let values = 1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === sign.quote) {
      at = endOfString(text, at)
    } else if (code === sign.comma) {
      values++
    } else if (code === sign.openArray || code === sign.openObject) {
      values++
      if (++depth > depthMax) return `is nested deeper than ${depthMax}`
    } else if (code === sign.closeArray || code === sign.closeObject) {
      depth--
    } else if (numbers && (code === sign.minus || isDigit(code))) {
      const end = endOfNumber(text, at)
      const misfit = misfitOfNumber(text, at, end)
      if (misfit !== undefined) return misfit
      at = end - 1
    }
    if (values > valuesMax) return `holds more than ${valuesMax} values`
  }
  return undefined
}

/** Position of the closing quote, or of the end of the text. */
function endOfString(text: string, start: number): number {
  const end = text.indexOf('"', start + 1)
  if (end === -1) return text.length
  if (text.charCodeAt(end - 1) !== sign.backslash) return end
  // by character: a string may consist entirely of escapes
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === sign.backslash) at++
    else if (code === sign.quote) return at
  }
  return text.length
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (
      !isDigit(code) &&
      code !== sign.point &&
      code !== sign.minus &&
      code !== sign.plus &&
      code !== sign.bigE &&
      code !== sign.smallE
    )
      break
  }
  return at
}

/** Number of digits of 2⁵³, up to which every integer is represented exactly. */
const lastInteger = '9007199254740992'

/** Decimal digits that a number always preserves. */
const exactDigits = 15

/** Decimals with more digits than a number holds are accepted: they are measurements. */
function misfitOfNumber(text: string, start: number, end: number): string | undefined {
  if (end - start < 5) return undefined // neither that long nor that large
  const token = text.slice(start, end)
  const [, integer = '', fraction = '', exponent] = /^-?(\d+)(\.\d+)?(e[+-]?\d+)?$/i.exec(token) ?? []
  const shown = token.length > 40 ? `${token.slice(0, 40)}…` : token
  const rounded = `holds the number ${shown}, which is beyond 2^53 and would be rounded; send it as a text`
  if (exponent === undefined) return isBeyond(integer) ? rounded : undefined
  if (isRounded(integer + fraction.slice(1), Number(exponent.slice(1)) - Math.max(0, fraction.length - 1)))
    return rounded
  const value = Number(token)
  const vanishes = value === 0 && /[1-9]/.test(token.slice(0, -exponent.length))
  return Number.isFinite(value) && !vanishes
    ? undefined
    : `holds the number ${shown}, which cannot be kept; send it as a text`
}

function isBeyond(integer: string): boolean {
  return integer.length > lastInteger.length || (integer.length === lastInteger.length && integer > lastInteger)
}

/** Whether `digits` × 10^`power` exceeds 2⁵³ and has more significant digits than a number holds. `1e300` has one. */
function isRounded(digits: string, power: number): boolean {
  let [from, until] = [0, digits.length]
  while (digits[from] === '0') from++
  while (until > from && digits[until - 1] === '0') until--
  const zeros = power + digits.length - until
  if (until - from <= exactDigits) return false
  if (zeros < 0) return isBeyond(digits.slice(from, Math.max(from, until + zeros)))
  return until - from + zeros > lastInteger.length || isBeyond(digits.slice(from, until) + '0'.repeat(zeros))
}

/** All texts in a value, including member names. */
function misfitOfTexts(value: unknown): string | undefined {
  const waiting = [value]
  while (waiting.length > 0) {
    const one = waiting.pop()
    const isContainer = typeof one === 'object' && one !== null
    const texts = typeof one === 'string' ? [one] : isContainer && !Array.isArray(one) ? Object.keys(one) : []
    for (const text of texts) {
      const misfit = misfitOfText(text)
      if (misfit !== undefined) return `holds a text that ${misfit}`
    }
    if (isContainer) for (const inner of Object.values(one) as unknown[]) waiting.push(inner)
  }
  return undefined
}

/** It was valid JSON text, and the parser reports the problem only in words. */
function reachesPrototype(error: unknown): boolean {
  return error instanceof SyntaxError && error.message.includes('forbidden prototype')
}

/** Where the parser stopped, without what it found there: that is the caller's data, and this is logged. */
function placeOf(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : ''
  if (message.includes('end of JSON input')) return `: it breaks off after character ${text.length}`
  const [, position] = /position (\d+)/.exec(message) ?? []
  return position === undefined ? '' : `: it breaks off or goes wrong at character ${Number(position) + 1}`
}
