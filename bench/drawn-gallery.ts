/** Drawn pictures for benches, with the size of web photographs in pixels and bytes. */
import { drawImage, drawnLabels } from '../test/support/drawn-images.js'

export interface BenchImage {
  label: string
  bytes: Buffer
}

/** `count` distinct JPEGs of 640×480. */
export async function drawBenchImages(count: number): Promise<BenchImage[]> {
  const images: BenchImage[] = []
  for (let i = 0; i < count; i++) {
    const label = drawnLabels[i % drawnLabels.length]!
    images.push({ label, bytes: await drawImage(label, i + 1, { width: 640, height: 480 }) })
  }
  return images
}
