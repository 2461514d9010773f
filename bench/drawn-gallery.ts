/** Pictures for benches: drawn, the size and weight of web photographs. */
import { drawnLabels, drawPicture } from '../test/support/drawn-pictures.js'

export interface BenchPicture {
  label: string
  bytes: Buffer
}

/** `count` different JPEGs of 640×480. */
export async function drawBenchPictures(count: number): Promise<BenchPicture[]> {
  const pictures: BenchPicture[] = []
  for (let i = 0; i < count; i++) {
    const label = drawnLabels[i % drawnLabels.length]!
    pictures.push({ label, bytes: await drawPicture(label, i + 1, { width: 640, height: 480 }) })
  }
  return pictures
}
