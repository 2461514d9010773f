import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GateMeasures, reasonsAgainst } from '../../src/re-embedding/gate-report.js'

const bounds = {
  gateMapLossMax: 0.01,
  gateRankLossMax: 0.01,
  gateOverlapMin: 0.5,
  gateReplayOverlapMin: 0.1,
  gateCopiesLossMax: 0.02,
}
const number = (low: number, high: number) => ({
  serving: 0.5,
  other: 0.5 + (low + high) / 2,
  difference: (low + high) / 2,
  interval: [low, high] as [number, number],
})
const measures = (said: Partial<GateMeasures>): GateMeasures => ({
  queries: 100,
  candidates: 1_000,
  quality: {},
  overlapAt10: null,
  overlapQueries: 100,
  copiesFound: null,
  ...said,
})

const rows: [what: string, said: Partial<GateMeasures>, reasons: RegExp[]][] = [
  ['an empty gallery', {}, []],
  [
    'as good within the bound',
    { quality: { 'mAP@10': number(-0.01, 0.02), normalisedMeanRank: number(-0.1, 0.01) } },
    [],
  ],
  ['perhaps worse', { quality: { 'mAP@10': number(-0.02, 0.05) } }, [/mAP@10/]],
  ['relevant ones further down', { quality: { normalisedMeanRank: number(-0.1, 0.02) } }, [/mean rank/]],
  ['other hits, and better', { quality: { 'mAP@10': number(0.01, 0.05) }, overlapAt10: 0.1 }, []],
  [
    'other hits, and labels of a few',
    { queries: 29, quality: { 'mAP@10': number(0.01, 0.05) }, overlapAt10: 0.1 },
    [/Overlap@10.* 29 labelled/],
  ],
  ['other hits, and no labels', { overlapAt10: 0.49 }, [/Overlap@10/]],
  ['enough of the same hits', { overlapAt10: 0.5 }, []],
  [
    'other hits on what is asked, and labels',
    { quality: { 'mAP@10': number(0.01, 0.05) }, replay: { queries: 10, overlapAt10: 0.09 } },
    [/10 kept queries is 0\.09; at least 0\.1 /],
  ],
  [
    'some other hits on what is asked',
    { quality: { 'mAP@10': number(0.01, 0.05) }, replay: { queries: 10, overlapAt10: 0.4 } },
    [],
  ],
  [
    'other hits on what is asked, and no labels',
    { overlapAt10: 0.9, replay: { queries: 10, overlapAt10: 0.4 } },
    [/at least 0\.5 /],
  ],
  ['hardly anything was asked', { overlapAt10: 0.9, replay: { queries: 9, overlapAt10: 0 } }, []],
  ['no query is kept', { overlapAt10: 0.9, replay: null }, []],
  ['copies as before', { copiesFound: { serving: 0.9, other: 0.89, copies: 10 } }, []],
  [
    'fewer copies and other hits',
    { overlapAt10: 0.2, copiesFound: { serving: 0.9, other: 0.8, copies: 10 } },
    [/Overlap@10/, /copies/],
  ],
]
for (const [what, said, reasons] of rows)
  test(`${what}: ${reasons.length} reasons against it`, () => {
    const found = reasonsAgainst(measures(said), bounds)
    assert.equal(found.length, reasons.length, found.join(' '))
    reasons.forEach((reason, i) => assert.match(found[i]!, reason))
  })
