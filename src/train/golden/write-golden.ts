/** Writes the golden pictures into a model folder, with the outputs of each precision of the network. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeGolden, type Golden, goldenFolder, goldenList, readGolden } from '../../embedding/golden-check.js'
import { type Model, networkFile, precisionsIn } from '../../embedding/model-manifest.js'
import { prepareImage } from '../../image/prepare.js'
import { openOnnx } from '../onnx/onnx-session.js'
import { drawGolden } from './drawings.js'

/**
 * Replaces the folder's golden pictures; runs every precision in the manifest on its model file. Where that is absent
 * its embeddings stay as they are.
 */
export async function writeGolden(model: Model): Promise<void> {
  const { folder, manifest, absent = [] } = model
  const drawings = drawGolden()
  const { preprocessing } = manifest
  const prepared = await Promise.all(drawings.map(({ png }) => prepareImage(png, { preprocessing, maxPixels: 1e6 })))
  const embeddings: Golden['embeddings'] =
    absent.length === 0 ? {} : { ...(await readGolden({ folder, manifest }))?.embeddings }
  for (const precision of precisionsIn(model)) {
    const session = await openOnnx(networkFile(model, precision)!)
    embeddings[precision] = []
    for (const { pixels } of prepared)
      embeddings[precision].push(encodeGolden((await session.run(pixels, preprocessing.inputSize)).embedding))
    await session.close()
  }
  const golden: Golden = {
    goldenVersion: 1,
    modelId: manifest.id,
    pictures: drawings.map(({ file }) => file),
    embeddings,
  }

  const draft = join(folder, `.${goldenFolder}.draft`)
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft)
  for (const { file, png } of drawings) await writeFile(join(draft, file), png)
  await writeFile(join(draft, goldenList), `${JSON.stringify(golden, null, 2)}\n`)
  await rm(join(folder, goldenFolder), { recursive: true, force: true })
  await rename(draft, join(folder, goldenFolder))
}
