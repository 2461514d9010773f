/** `model-card.md`: describes a network, its quality and its limits, from manifest and metrics alone. */
import type { ModelManifest } from '../../embedding/model-manifest.js'
import { meanFirstHit } from '../../eval/copies.js'
import type { RetrievalQuality } from '../../eval/quality.js'
import { durationOf } from '../progress.js'
import { calibrationSection } from './calibration-section.js'
import { isMeasured, type NotMeasured } from './judge-exported.js'
import { plain, quantity, share, table, withInterval } from './markdown.js'
import type { ModelMetrics } from './model-metrics.js'
import { plotFiles, plotsFolder } from './plots.js'
import { precisionsSection } from './precisions-section.js'

export function modelCard(manifest: ModelManifest, metrics: ModelMetrics): string {
  const sections = [
    introduction(manifest, metrics),
    retrieval(metrics),
    classification(metrics),
    copiesSection(metrics),
    pairs(metrics),
    calibrationSection(manifest, metrics),
    published(metrics),
    data(metrics),
    training(metrics),
    cost(manifest, metrics),
    precisionsSection(manifest),
    limits(manifest, metrics),
  ]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

function introduction(
  { name, id, architecture, embeddingDimension, preprocessing, labels }: ModelManifest,
  { measuredAt }: ModelMetrics,
): string {
  const { fit, inputSize, resizeShortSide, kernel } = preprocessing
  const how =
    fit === 'squash'
      ? 'the whole picture squashed to a square'
      : `short side resized to ${resizeShortSide} pixels, then centre crop`
  return `# ${name}

An image embedding network (${architecture}): it maps a picture to a unit vector of ${embeddingDimension} numbers such that pictures of the same class (one of ${labels.length}) have a high cosine similarity. It also predicts the class.

- Model id \`${id}\`; embeddings with different model ids are never compared.
- Input: RGB ${inputSize}×${inputSize}, ${how}, ${kernel} filter, rotated upright according to EXIF, alpha on white.
- Measured ${measuredAt.slice(0, 10)} on the exported file, with the same pixel path as the service.`
}

const retrievalRows: [name: string, label: string, digits: number][] = [
  ['mAP@1', 'mAP@1', 3],
  ['mAP@10', 'mAP@10', 3],
  ['mAP@50', 'mAP@50', 3],
  ['mAP@R', 'mAP@R', 3],
  ['recall@5', 'Recall@5 (any hit)', 3],
  ['recall@10', 'Recall@10 (any hit)', 3],
  ['rPrecision', 'R-precision', 3],
  ['mrr', 'MRR', 3],
  ['knnAccuracy', '10-NN accuracy', 3],
  ['medianFirstRank', 'Median first rank', 1],
  ['meanRank', 'Mean rank', 1],
  ['normalisedMeanRank', 'Normalised mean rank (0 perfect, 0.5 chance)', 3],
]

function retrieval({ protocols, manyViews }: ModelMetrics): string {
  const all = [protocols.A, protocols.B, protocols.C]
  const rows = retrievalRows.map(([name, label, digits]) => [
    label,
    ...all.map((protocol) => cell(protocol, name, digits)),
  ])
  const counts = ['Queries', ...all.map((protocol) => (isMeasured(protocol) ? String(protocol.queries) : '–'))]
  const missing = Object.entries(protocols).flatMap(([letter, protocol]) => {
    const reason = isMeasured(protocol) ? withoutQueries(protocol) : protocol.notMeasured
    return reason === undefined ? [] : [`${letter}: ${reason}`]
  })
  return `## Retrieval

A: every test picture queries the other test pictures. B: test pictures query train and val, as in the service. C: classes not seen in training. The query and all of its copies are removed from the results; AP@k is divided by min(k, R). The 95 % bootstrap interval over queries is in brackets.

${table(['', 'A', 'B', 'C'], [counts, ...rows])}${missing.length > 0 ? `\n\n${missing.join(' ')}` : ''}${viewsLine(manyViews)}`
}

const withoutQueries = ({ queries }: RetrievalQuality): string | undefined =>
  queries > 0 ? undefined : 'No query has a picture of its label to find, not counting copies.'

/** Metrics of older runs lack several views. */
function viewsLine(manyViews: ModelMetrics['manyViews'] | undefined): string {
  if (!manyViews || manyViews.A['mAP@1'] === null) return ''
  const { views, accuracy, A } = manyViews
  const { 'mAP@1': first, 'mAP@10': ten, 'mAP@50': fifty, normalisedMeanRank } = A
  return `\n\nWith the embeddings of ${views} views of every picture averaged (\`QUERY_VIEWS\`, \`GALLERY_VIEWS\`), protocol A yields mAP@1 ${share(first)}, mAP@10 ${share(ten)}, mAP@50 ${share(fifty)}, normalised mean rank ${share(normalisedMeanRank)}${accuracy === undefined ? '' : ` and accuracy ${share(accuracy)}`}.`
}

function cell(protocol: RetrievalQuality | NotMeasured, name: string, digits: number): string {
  if (!isMeasured(protocol)) return '–'
  const value = protocol.overall[name as keyof typeof protocol.overall]
  return withInterval(quantity(value, digits), protocol.intervals[name], digits)
}

function classification({ classification: found, protocols: { A } }: ModelMetrics): string {
  if (!isMeasured(found)) return `## Classification\n\n${found.notMeasured}`
  const rows = found.classes.map((name) => {
    const { support, precision, recall, f1 } = found.perClass[name]!
    const own = isMeasured(A) ? A.perClass[name] : undefined
    return [
      plain(name),
      String(support),
      share(precision),
      share(recall),
      share(f1),
      share(own?.['mAP@10']),
      share(own?.normalisedMeanRank),
    ]
  })
  return `## Classification and individual classes

Accuracy ${withInterval(share(found.accuracy), found.accuracyInterval)} on ${found.pictures} test pictures, top-3 accuracy ${share(found.top3Accuracy)}, macro-F1 ${share(found.macroF1)}.

${table(['class', 'pictures', 'precision', 'recall', 'F1', 'mAP@10 (A)', 'normalised mean rank (A)'], rows)}
${isMeasured(A) ? `\n![mAP@10 and F1 of each class](${plotsFolder}/${plotFiles.classes})\n` : ''}
![Share of predicted classes for each true class](${plotsFolder}/${plotFiles.confusion})

Most frequent confusions: ${confusions(found.confused ?? found.classes, found.confusion)}. The ${found.confused === undefined ? 'full matrix' : `matrix of the ${found.confused.length} most confused classes`} is in \`metrics.json\`.`
}

function confusions(classes: readonly string[], confusion: readonly (readonly number[])[]): string {
  const found = confusion.flatMap((row, truth) =>
    row.map((count, named) => ({
      count,
      text: `${plain(classes[truth]!)} taken for ${plain(classes[named]!)} (${count})`,
      wrong: truth !== named,
    })),
  )
  const worst = found.filter(({ wrong, count }) => wrong && count > 0).sort((a, b) => b.count - a.count)
  return worst.length === 0
    ? 'none'
    : worst
        .slice(0, 8)
        .map(({ text }) => text)
        .join(', ')
}

function pairs({ pairs: found }: ModelMetrics): string {
  if (!isMeasured(found)) return `## Same class or not\n\n${found.notMeasured}`
  return `## Same class or not

Over ${found.positives + found.negatives} pairs of test pictures: ROC-AUC ${share(found.rocAuc)}, equal error rate ${share(found.equalErrorRate)} at a score of ${share(found.equalErrorScore)}. Mean score of pairs of the same class ${share(found.meanPositiveScore)}, of different classes ${share(found.meanNegativeScore)}.

![Distances between pictures of the same class and of different classes](${plotsFolder}/${plotFiles.distances})`
}

/** Metrics of older runs lack copies. */
function copiesSection({ copies }: ModelMetrics): string {
  if (!copies) return ''
  const rows = Object.entries(copies.firstHit).map(([edit, found]) => [edit, share(found)])
  return `## Edited copies

${copies.pictures} test pictures, edited in each of these ways and searched among all ${copies.gallery} unedited test pictures: the share whose first hit is the original.

${table(['edit', 'first'], [...rows, ['mean', share(meanFirstHit(copies))]])}`
}

function published({ seedCompat, published: baseline, protocols: { A }, classification: found }: ModelMetrics): string {
  if (baseline === null || !isMeasured(seedCompat) || !isMeasured(A) || !isMeasured(found)) return ''
  const row = (
    what: string,
    numbers: { 'mAP@1'?: number | null; 'mAP@10'?: number | null; 'mAP@50'?: number | null; meanRank?: number | null },
    accuracy: number,
  ) => [
    what,
    share(accuracy),
    share(numbers['mAP@1']),
    share(numbers['mAP@10']),
    share(numbers['mAP@50']),
    quantity(numbers.meanRank, 0),
  ]
  const { withQuery, withoutQuery } = baseline
  const rows = [
    row('this network, query removed (A)', A.overall, found.accuracy),
    row(withoutQuery.what, withoutQuery, withoutQuery.accuracy),
    row('this network, query in its own gallery (seedCompat)', seedCompat.overall, seedCompat.accuracy),
    row(withQuery.what, withQuery, withQuery.accuracy),
  ]
  return `## Comparison with the published system

The published numbers were measured with the query in its own gallery, where it finds itself first. Compare the first two rows with each other and the last two with each other; mean ranks depend on the size of the gallery.

${table(['', 'accuracy', 'mAP@1', 'mAP@10', 'mAP@50', 'mean rank'], rows)}`
}

function data({
  data: { name, licence, sha256, pictures, classes, splits, groupsAcrossSplits },
}: ModelMetrics): string {
  const rows = Object.entries(splits).map(([split, facts]) => [
    split,
    String(facts.pictures),
    String(facts.duplicateGroups),
    String(facts.withCopies),
  ])
  return `## Data

${plain(name)}: ${pictures} pictures of ${classes.length} classes. Trained on train, chosen on val, reported on test. ${groupsAcrossSplits === 0 ? 'No group of copies spans two splits.' : `**${groupsAcrossSplits} groups of copies span two splits, so the numbers are too good.**`}

${table(['split', 'pictures', 'groups of copies', 'pictures in them'], rows)}

- SHA-256 over ids, labels, splits, groups and contents: \`${sha256}\`
- Licence of the pictures: ${licence === null ? 'not stated; ask their owner before using them or anything trained on them' : plain(licence)}. No picture is part of this folder.`
}

function training({ training: facts, exportParity, versions }: ModelMetrics): string {
  return `## Training

- Started from: ${facts.startedFrom}
- ${facts.epochs} ${facts.epochs === 1 ? 'epoch' : 'epochs'} in ${durationOf(facts.seconds)} on ${facts.backend}, seed ${facts.seed}${facts.chosenEpoch === null ? '' : `; epoch ${facts.chosenEpoch} was chosen on val`}
- Export: ${agreement(exportParity)}
- The settings and history of the run are in \`metrics.json\`.
- Versions: ${Object.entries(versions)
    .map(([part, version]) => `${part} ${version}`)
    .join(', ')}`
}

function agreement(parity: unknown): string {
  if (typeof parity !== 'object' || parity === null || !('minCosine' in parity) || !('pictures' in parity))
    return 'not recorded'
  return `TensorFlow.js and ONNX Runtime agree on ${String(parity.pictures)} pictures, smallest cosine ${Number(parity.minCosine).toFixed(7)}`
}

function cost({ files }: ModelManifest, { cost: found }: ModelMetrics): string {
  const rows = Object.entries(files).map(([precision, file]) => [
    `\`${file.file}\` (${precision})`,
    (file.bytes / 1e6).toFixed(1),
    `\`${file.sha256.slice(0, 16)}…\``,
  ])
  return `## Cost

One thread of ${found.cpu}, fp32, median of ${found.picturesMeasured} test pictures: decode ${quantity(found.decodeMs)} ms, embed ${quantity(found.embedMs)} ms alone and ${quantity(found.embedInBatchMs)} ms in batches of eight. Other work may have run on the machine.

${table(['file', 'MB', 'SHA-256'], rows)}`
}

function limits({ calibration, labels }: ModelManifest, { data: { name }, protocols: { C } }: ModelMetrics): string {
  const unseen = isMeasured(C)
    ? 'Protocol C shows what to expect for classes it was not trained on.'
    : 'Its quality on classes it was not trained on was not measured; expect it to be lower.'
  return `## Limits

- It knows ${known(labels)}, as they look in ${plain(name)}. ${unseen}
- It compares whole pictures; it does not find small objects in them or recognise people or places.
- A score is a cosine similarity and comparable only with other scores of the same model id${calibration === undefined ? '; it is not calibrated to a probability' : ', or with a probability through the calibration above'}.
- It inherits the biases and errors of its data: of the people who took the pictures and of those who labelled them.`
}

const namedLabels = 30

function known(labels: readonly string[]): string {
  const named = labels.slice(0, namedLabels).map(plain).join(', ')
  return labels.length > namedLabels ? `${labels.length} classes, such as ${named}` : named
}
