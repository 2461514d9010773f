/** Whether a set passed the quality gate, why not, and the numbers of both sets. */

import type { ComponentChildren } from 'preact'
import type { Schemas } from '../api/service.js'
import { momentText } from '../controls/dates.js'
import { numberName } from '../quality/number-names.js'

type Gate = Schemas['Gate']

export interface GateVerdictProps {
  gate: Gate
  nameOf: (model: string) => string
}

export function GateVerdict({ gate, nameOf }: GateVerdictProps) {
  const { passed, reasons, servingModelId, judgedAt, queries, candidates, quality, overlapAt10, copiesFound } = gate
  const { missing = 0, replay } = gate
  return (
    <div class="stack">
      <p class={passed ? 'gate gate-passed' : 'gate gate-failed'}>
        <strong>{passed ? 'Passed the quality gate' : 'Did not pass the quality gate'}</strong>
        <span class="hint">
          compared with <bdi>{nameOf(servingModelId)}</bdi>, {queries.toLocaleString('en')} queries among{' '}
          {candidates.toLocaleString('en')} pictures, {momentText(judgedAt)}
        </span>
      </p>
      {reasons.length > 0 && (
        <ul class="gate-reasons">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <div class="table-frame">
        <table class="table">
          <caption class="unseen">Both networks on the same queries</caption>
          <thead>
            <tr>
              <th scope="col">Number</th>
              <th scope="col">Serving</th>
              <th scope="col">This network</th>
              <th scope="col">Difference, 95 %</th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(quality).map(
              ([name, one]) =>
                one !== undefined && (
                  <Row key={name} name={numberName(name)} serving={one.serving} other={one.other}>
                    {signed(one.difference)} ({one.interval.map(signed).join(' to ')})
                  </Row>
                ),
            )}
            {copiesFound !== null && (
              <Row name="near-copies found" serving={copiesFound.serving} other={copiesFound.other}>
                of {copiesFound.copies.toLocaleString('en')}
              </Row>
            )}
          </tbody>
        </table>
      </div>
      {missing > 0 && (
        <p class="hint">
          {missing.toLocaleString('en')} of the pictures are missing here, and count as missed by every query for them.
        </p>
      )}
      {overlapAt10 !== null && (
        <p class="hint">Of ten hits, {(10 * overlapAt10).toFixed(1)} are the same in both on average.</p>
      )}
      {replay && (
        <p class="hint">
          On {replay.queries.toLocaleString('en')} pictures that were searched with lately it is{' '}
          {(10 * replay.overlapAt10).toFixed(1)}.
        </p>
      )}
    </div>
  )
}

interface RowProps {
  name: string
  serving: number
  other: number
  children: ComponentChildren
}

function Row({ name, serving, other, children }: RowProps) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{serving.toFixed(3)}</td>
      <td>{other.toFixed(3)}</td>
      <td class="mono">{children}</td>
    </tr>
  )
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
}
