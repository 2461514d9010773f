/** The colours of the console can be told apart in both themes, by the measure of WCAG 2.2. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

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

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
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
