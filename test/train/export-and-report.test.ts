/** From a trained network to its folder: the parts of its embedding are chosen on val, and recorded. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { recordOf } from '../../src/datasets/split-record.js'
import { readModel } from '../../src/embedding/model-manifest.js'
import { chooseBackend } from '../../src/train/backend.js'
import { judgedEdits } from '../../src/train/edited-copies.js'
import { exportAndReport, type FinishedRun } from '../../src/train/export-and-report.js'
import { ImageLoader } from '../../src/train/loader/image-loader.js'
import { instanceShares, type TriedInstanceShare } from '../../src/train/models/join-choice.js'
import type { PosteriorSettings } from '../../src/train/models/joined-embedding.js'
import { readTrainingData } from '../../src/train/training-data.js'
import { writeDrawnImages } from '../support/tiny-model.js'
import { tinyResNet } from './fine-tuning/tiny-resnet.js'

const folder = await mkdtemp(join(tmpdir(), 'alike-shaped-'))
after(() => rm(folder, { recursive: true }))
await chooseBackend('wasm')
await writeDrawnImages(join(folder, 'pictures'))
/** Of the network that each run starts from, which was trained on one other picture. */
const init = join(folder, 'init')
const earlier = { train: ['0123456789abcdef'], val: [], test: [] }
await mkdir(init)
await writeFile(join(init, 'split.json'), JSON.stringify(earlier))

const facts = { startedFrom: 'random weights', backend: 'wasm', seed: 1, epochs: 1, chosenEpoch: null }

async function exported(
  name: string,
  { useClassifier, stop, log }: Pick<FinishedRun, 'useClassifier' | 'stop' | 'log'>,
) {
  const data = await readTrainingData({
    init,
    data: join(folder, 'pictures'),
    shares: { val: 0.2, test: 0.2 },
    seed: 1,
  })
  const network = { ...tinyResNet({ instanceDimension: 5 }), labels: data.labels.slice(0, 3) }
  const loader = new ImageLoader(data.images)
  try {
    const run = {
      data,
      loader,
      network,
      facts,
      course: { seconds: 1, settings: {}, history: [] },
      report: true,
      networkBefore: undefined,
    }
    const settings = { data: folder, out: folder, name, dataLicence: null }
    return { data, ...(await exportAndReport({ ...run, settings, useClassifier, stop, log })) }
  } finally {
    await loader.close()
  }
}

for (const [what, useClassifier] of [
  ['with a classifier', true],
  ['trained by pairs alone', false],
] as const) {
  test(`a network ${what} gets the instance share that finds copies of val, and its manifest lists all that were tried`, async () => {
    const lines: string[] = []
    const { data, ...made } = await exported(useClassifier ? 'classes' : 'pairs', {
      useClassifier,
      stop: new AbortController().signal,
      log: (line) => lines.push(line),
    })
    const { manifest } = await readModel(made.folder)
    const {
      posterior,
      instanceShare,
      instanceSharesTried: tried,
      exportParity,
    } = manifest.provenance as unknown as {
      posterior: PosteriorSettings
      instanceShare: number
      instanceSharesTried: TriedInstanceShare[]
      exportParity: { maxMapDifference: number }
    }
    const { text, sha256 } = await recordOf(data.images)
    assert.deepEqual(JSON.parse(await readFile(join(made.folder, 'split.json'), 'utf8')), {
      ...(JSON.parse(text) as object),
      earlier,
    })
    assert.equal(manifest.provenance['splitSha256'], sha256)
    assert.deepEqual(
      tried.map((each) => each.instanceShare),
      [...instanceShares],
    )
    const best = Math.max(...tried.map(({ mAP10 }) => mAP10!))
    const close = tried.filter(({ mAP10 }) => mAP10! >= best - 0.004)
    assert.equal(
      tried.find((each) => each.instanceShare === instanceShare)!.copies,
      Math.max(...close.map(({ copies }) => copies!)),
    )
    assert.equal(manifest.embeddingDimension, 8 + (posterior.share > 0 ? 3 : 0) + (instanceShare > 0 ? 5 : 0))
    assert.ok(useClassifier || posterior.share === 0)
    assert.ok(exportParity.maxMapDifference < 1e-3)
    assert.ok(lines.some((line) => line.startsWith(`part for single pictures with a share of ${instanceShare}: `)))
    assert.deepEqual(Object.keys(made.metrics!.copies!.firstHit), [...judgedEdits])
    assert.match(await readFile(join(made.folder, 'model-card.md'), 'utf8'), /## Edited copies/)
  })
}

test('a run that is stopped during its report has exported its network, which no other run replaces', async () => {
  const stop = new AbortController()
  const log = (line: string) => line.startsWith('embedding 32 test pictures') && stop.abort()
  const { data, ...made } = await exported('stopped', { useClassifier: false, stop: stop.signal, log })
  assert.deepEqual(Object.keys(made), ['folder', 'canQuantize'])
  assert.equal((await readModel(made.folder)).manifest.name, 'tiny')
  assert.ok(!(await readdir(made.folder)).includes('metrics.json'))
  // nothing of the kind was there when a second run of this name began
  await assert.rejects(exported('stopped', { useClassifier: false, stop: stop.signal, log }), {
    code: 'run_exists',
    message: /Another run has written .*stopped meanwhile: --finish/,
  })
})
