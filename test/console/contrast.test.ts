/** The colours of the console can be told apart in both themes, by the measure of WCAG 2.2. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { doubtColours, labelColours as mapColours, otherColour } from '../../src/console/map/map-marks.js'

/** Hexadecimal values by name, of one theme. */
async function colours(theme: 'light' | 'dark'): Promise<(name: string) => string> {
  const styles = await readFile('src/console/styles/tokens.css', 'utf8')
  const named = new Map(
    [...styles.matchAll(/--([\w-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));/g)].map(
      ([, name, light, dark, both]) => [name!, both ?? (theme === 'light' ? light! : dark!)],
    ),
  )
  return (name) => named.get(name) ?? assert.fail(`there is no colour ${name}`)
}

type Triple = [number, number, number]

/** Red, green and blue, proportional to light. */
function linear(colour: string): Triple {
  return [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as Triple
}

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const [red, green, blue] = linear(colour)
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((one, other) => one - other) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

const pages = ['ground', 'surface', 'raised']
const rows: { least: number; shown: string[]; on: string[] }[] = [
  { least: 4.5, shown: ['ink', 'muted', 'accent', 'fault', 'warn', 'like', 'unlike'], on: pages },
  { least: 4.5, shown: ['on-accent'], on: ['accent'] },
  { least: 4.5, shown: ['ink', 'accent'], on: ['accent-soft'] },
  { least: 4.5, shown: ['ink', 'muted'], on: ['fault-soft'] },
  { least: 4.5, shown: ['surface'], on: ['like', 'unlike'] },
  // of what is no text: borders of controls, bars
  { least: 3, shown: ['strong-line'], on: pages },
  { least: 3, shown: ['accent'], on: ['line'] },
  { least: 3, shown: ['decode', 'queue', 'embed', 'search', 'other'].map((stage) => `stage-${stage}`), on: pages },
  // marks of the map, and of its legend
  { least: 3, shown: [...mapColours, ...doubtColours, otherColour], on: ['ground', 'surface'] },
]

for (const theme of ['light', 'dark'] as const)
  test(`text and bars stand out from what they are on, in ${theme} colours`, async () => {
    const colour = await colours(theme)
    for (const { least, shown, on } of rows)
      for (const one of shown)
        for (const page of on) {
          const ratio = contrast(colour(one), colour(page))
          assert.ok(ratio >= least, `${one} on ${page}: ${ratio.toFixed(2)}`)
        }
  })

type Matrix = [Triple, Triple, Triple]

/** Linear colours as people see them; those without red or green cones: Machado et al. 2009, severity 1. */
const sights: Record<string, Matrix> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'no red': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'no green': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
}

function times(matrix: Matrix, [x, y, z]: Triple): Triple {
  return matrix.map(([a, b, c]) => a * x + b * y + c * z) as Triple
}

/** https://bottosson.github.io/posts/oklab/ */
function oklab(light: Triple): Triple {
  const toCones: Matrix = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
  ]
  const cones = times(toCones, light.map((one) => Math.max(0, one)) as Triple).map(Math.cbrt) as Triple
  const fromCones: Matrix = [
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
  ]
  return times(fromCones, cones)
}

/** The least difference of two of Okabe and Ito's own eight colours, for people without green cones. */
const leastDifference = 0.075

for (const theme of ['light', 'dark'] as const)
  test(`labels of the map have colours that differ for the colour-blind too, in ${theme} colours`, async () => {
    const colour = await colours(theme)
    for (const [sight, matrix] of Object.entries(sights)) {
      const seen = mapColours.map((name) => ({ name, at: oklab(times(matrix, linear(colour(name)))) }))
      for (const [place, one] of seen.entries())
        for (const other of seen.slice(place + 1)) {
          const difference = Math.hypot(...one.at.map((value, axis) => value - other.at[axis]!))
          assert.ok(difference >= leastDifference, `${one.name} and ${other.name}, ${sight}: ${difference.toFixed(3)}`)
        }
    }
  })
