/** Drawn scenes for benches, encoded beforehand, in the size of the network's training pictures. */
import sharp from 'sharp'
import { drawScene } from '../test/support/drawn-scenes.js'
import type { BenchImage } from './drawn-gallery.js'

/** `count` distinct JPEGs of 275×183. */
export async function drawWebImages(count: number): Promise<BenchImage[]> {
  const images: BenchImage[] = []
  for (let i = 0; i < count; i++) {
    const bytes = await sharp(await drawScene(i + 1))
      .resize(275, 183, { fit: 'cover' })
      .jpeg({ quality: 85 })
      .toBuffer()
    images.push({ label: `class ${i % 15}`, bytes })
  }
  return images
}
