/** The part of a picture to use, in a URL or form and in JSON. */
import { type Static, Type } from 'typebox'
import type { Region as ImageRegion } from '../../image/region.js'
import { regionPattern } from './patterns.js'

export const regionText = Type.String({
  maxLength: 200,
  pattern: regionPattern,
  description:
    'Part of the picture to search with: `x,y,width,height` as fractions of the upright picture, or pixels when `px` follows.',
  examples: ['0.25,0.1,0.5,0.5', '120,40,300,300px'],
})

export const Region = Type.Object(
  {
    x: Type.Number(),
    y: Type.Number(),
    width: Type.Number({ exclusiveMinimum: 0 }),
    height: Type.Number({ exclusiveMinimum: 0 }),
    unit: Type.Optional(Type.Enum(['relative', 'pixel'], { type: 'string', default: 'relative' })),
  },
  {
    additionalProperties: false,
    description: 'Part of the upright picture to search with; it is clipped to the picture.',
  },
)

/** `x,y,width,height`, with `px` for pixels; the schema has validated its form. */
export function regionOf(region: string | Static<typeof Region> | undefined): ImageRegion | undefined {
  if (region === undefined) return undefined
  if (typeof region !== 'string') return { unit: 'relative', ...region }
  const [x = 0, y = 0, width = 0, height = 0] = region.split(',').map((number) => Number.parseFloat(number))
  return { x, y, width, height, unit: /px\s*$/.test(region) ? 'pixel' : 'relative' }
}
