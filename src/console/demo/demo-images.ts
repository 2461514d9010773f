/** Pictures for a demo gallery, drawn in the browser; some are copies, and some have a wrong label. */
import { type Random, seededRandom } from './random.js'
import { type Brush, things } from './things.js'

export interface DemoImage {
  id: string
  label: string
  metadata: { place: string; size: string; seed: number; note?: string }
  image: Blob
}

const [width, height] = [256, 192]
const names = Object.keys(things)
const places = ['beach', 'meadow', 'night', 'desert', 'snow'] as const
const grounds: Record<(typeof places)[number], [string, string, string]> = {
  beach: ['#8fd0ef', '#dff3fb', '#ecd9a6'],
  meadow: ['#a8d8ff', '#eef8ff', '#6fae55'],
  night: ['#0d1533', '#33406f', '#1d2b25'],
  desert: ['#f6b56b', '#fde3b8', '#c98a4b'],
  snow: ['#b9c9d9', '#e9f0f6', '#f4f8fb'],
}
/** One in this many is a copy of the previous picture, or has the next label. */
const copyEvery = 40
const wrongEvery = 60

/** The same position in the series always gives the same picture. */
export async function drawDemoImage(place: number): Promise<DemoImage> {
  const isCopy = place % copyEvery === copyEvery - 1
  const seed = isCopy ? place - names.length : place
  const shown = names[place % names.length]!
  const isWrong = !isCopy && place % wrongEvery === wrongEvery - 1
  const label = isWrong ? names[(place + 3) % names.length]! : shown
  const random = seededRandom(seed + 1)
  const where = random.pick(places)
  const side = random.between(50, 88)
  const image = await paint(shown, where, side, random, isCopy)
  return {
    id: `${label}/${String(place).padStart(5, '0')}.jpg`,
    label,
    metadata: {
      place: where,
      size: side > 70 ? 'large' : 'small',
      seed,
      ...(isCopy && { note: 'drawn again, paler' }),
    },
    image,
  }
}

function paint(thing: string, where: keyof typeof grounds, side: number, random: Random, pale: boolean): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height)
  const brush = canvas.getContext('2d')!
  paintGround(brush, where, random)
  brush.save()
  brush.translate(random.between(side, width - side), random.between(side * 0.9, height - side * 0.9))
  brush.rotate(random.between(-0.3, 0.3))
  brush.scale(side * random.between(0.78, 1.2), side * random.between(0.78, 1.12))
  things[thing]!(brush, [colour(random), colour(random), colour(random)], random)
  brush.restore()
  if (pale) {
    brush.fillStyle = 'rgb(255 255 255 / 12%)'
    brush.fillRect(0, 0, width, height)
  }
  return canvas.convertToBlob({ type: 'image/jpeg', quality: pale ? 0.7 : 0.88 })
}

function paintGround(brush: Brush, where: keyof typeof grounds, random: Random): void {
  const [sky, low, ground] = grounds[where]
  const horizon = random.between(0.5, 0.8) * height
  const fade = brush.createLinearGradient(0, 0, 0, horizon)
  fade.addColorStop(0, sky)
  fade.addColorStop(1, low)
  brush.fillStyle = fade
  brush.fillRect(0, 0, width, horizon)
  brush.fillStyle = ground
  brush.fillRect(0, horizon, width, height - horizon)
  paintHills(brush, horizon, ground, random)
  for (let one = 0; one < 46; one++) paintSpeck(brush, horizon, random)
}

/** A different ridge in each picture, so that two pictures of the same scene are not copies. */
function paintHills(brush: Brush, horizon: number, ground: string, random: Random): void {
  brush.fillStyle = ground
  brush.beginPath()
  brush.moveTo(0, horizon)
  for (let x = 0; x <= width; x += random.between(8, 46)) brush.lineTo(x, horizon - random.between(0, 46))
  brush.lineTo(width, horizon)
  brush.fill()
}

/** A cloud, a stone or a tuft. */
function paintSpeck(brush: Brush, horizon: number, random: Random): void {
  const isCloud = random.chance(0.25)
  const lightness = isCloud ? random.between(75, 97) : random.between(15, 70)
  brush.fillStyle = `hsl(${random.between(20, 160).toFixed(0)} 22% ${lightness.toFixed(0)}% / ${random.between(35, 85).toFixed(0)}%)`
  brush.beginPath()
  const [long, short] = isCloud
    ? [random.between(6, 30), random.between(3, 9)]
    : [random.between(1, 9), random.between(1, 5)]
  const y = isCloud ? random.between(0, horizon * 0.7) : random.between(horizon * 0.8, height)
  brush.ellipse(random.between(0, width), y, long, short, isCloud ? 0 : random.between(0, 3), 0, 7)
  brush.fill()
}

function colour(random: Random): string {
  return `hsl(${random.between(0, 360).toFixed(0)} ${random.between(45, 85).toFixed(0)}% ${random.between(30, 62).toFixed(0)}%)`
}
