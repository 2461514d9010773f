/** Pictures for benches: drawn scenes, coded beforehand, of the size of those that the network was trained on. */
import sharp from 'sharp'
import { drawScene } from '../test/support/drawn-scenes.js'
import type { BenchPicture } from './drawn-gallery.js'

/** `count` different JPEGs of 275×183. */
export async function drawWebPictures(count: number): Promise<BenchPicture[]> {
  const pictures: BenchPicture[] = []
  for (let i = 0; i < count; i++) {
    const bytes = await sharp(await drawScene(i + 1))
      .resize(275, 183, { fit: 'cover' })
      .jpeg({ quality: 85 })
      .toBuffer()
    pictures.push({ label: `class ${i % 15}`, bytes })
  }
  return pictures
}
