/** Moves a gallery to another engine while it serves, and back. */

import { useState } from 'preact/hooks'
import { type Gallery, renewGalleries } from '../api/galleries.js'
import { answerOf, service } from '../api/service.js'
import { Confirm } from '../controls/confirm.js'
import { picturesText } from '../controls/counts.js'
import { dateText } from '../controls/dates.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { submitting, useAction } from '../controls/use-action.js'
import { JobActions } from '../jobs/job-actions.js'
import { JobProgress } from '../jobs/job-progress.js'
import { useFollowedJob } from '../jobs/use-followed-job.js'
import { engineOf, StorageFields } from './choice-fields.js'
import { moveBody, nothingStored, type StorageChoices } from './gallery-choices.js'
import type { GalleryOptions } from './load-gallery-options.js'

export interface MovePanelProps {
  gallery: Gallery
  options: GalleryOptions
  /** Reloads the gallery. */
  onChanged: () => void
}

export function MovePanel({ gallery, options, onChanged }: MovePanelProps) {
  const { name, engine, move } = gallery
  const ended = () => {
    onChanged()
    void renewGalleries()
  }
  const { job, error, setJob } = useFollowedJob(move?.job, ended)
  const { busy, error: fault, act } = useAction()
  const [asks, setAsks] = useState(false)
  const isMoving = move?.job !== undefined
  const removeCopy = async () => {
    const params = { path: { gallery: name, model: gallery.modelId } }
    await answerOf(service.DELETE('/v1/galleries/{gallery}/sets/{model}', { params }))
    onChanged()
  }
  return (
    <section class="stack" aria-label="Engine of this gallery">
      <h3>Engine</h3>
      <p>
        It is stored in <strong>{engine}</strong>.{move !== undefined && ` ${aboutCopy(move)}`}
      </p>
      {job !== undefined && (isMoving || job.failure !== null) && (
        <div class="stack">
          <JobProgress job={job} />
          <JobActions job={job} onChanged={setJob} />
        </div>
      )}
      {!isMoving && move !== undefined && (
        <div class="row">
          <Needs to="admin">
            <button type="button" class="quiet" aria-disabled={busy} onClick={() => busy || setAsks(true)}>
              Remove the copy in {move.engine}
            </button>
          </Needs>
          {asks && (
            <Confirm
              title={`Remove the copy in ${move.engine}?`}
              action="Remove"
              onConfirm={() => act(removeCopy)}
              onClose={() => setAsks(false)}
            >
              The gallery stays in {engine}. Moving it to {move.engine} again copies all of its pictures.
            </Confirm>
          )}
        </div>
      )}
      {!isMoving && (
        <Needs to="move">
          <MoveForm gallery={gallery} options={options} onMoved={onChanged} />
        </Needs>
      )}
      {(fault ?? error) !== undefined && <Fault error={fault ?? error} />}
    </section>
  )
}

function aboutCopy({ engine, state, images, job, keptUntil }: NonNullable<Gallery['move']>): string {
  const count = picturesText(images)
  if (state === 'kept')
    return `It came from ${engine}, where a copy of ${count} is kept up to date until ${dateText(keptUntil ?? '')}.`
  return job === undefined
    ? `A move to ${engine} did not end; ${count} are there, and another move continues from them.`
    : `It is being moved to ${engine}: ${count} are there.`
}

interface MoveFormProps {
  gallery: Gallery
  options: GalleryOptions
  onMoved: () => void
}

function MoveForm({ gallery, options, onMoved }: MoveFormProps) {
  const { name, engine, move } = gallery
  const others = options.engines.filter((one) => one.name !== engine)
  const first = move?.engine ?? others[0]?.name ?? ''
  const [choices, setChoices] = useState<StorageChoices>({ ...nothingStored, ...engineOf(first, options.engines) })
  const [rate, setRate] = useState('')
  const { busy, error, act } = useAction()
  if (others.length === 0)
    return (
      <p class="hint">
        The service has no other engine. <code>WEAVIATE_URL</code> adds one.
      </p>
    )
  const begin = async () => {
    const params = { path: { gallery: name } }
    await answerOf(service.POST('/v1/galleries/{gallery}/move', { params, body: moveBody(choices, rate) }))
    onMoved()
  }
  return (
    <form class="stack" onSubmit={submitting(() => act(begin))}>
      <StorageFields
        choices={choices}
        onChange={(changed) => setChoices((before) => ({ ...before, ...changed }))}
        options={options}
        without={[engine]}
      />
      <label class="field">
        <span>Pictures a second</span>
        <input
          type="number"
          min={0}
          placeholder="as many as possible"
          value={rate}
          onInput={({ currentTarget }) => setRate(currentTarget.value)}
        />
      </label>
      <p class="hint">
        Every picture is copied as it is stored while searches and writes go on; then all are compared, and one step
        switches. If anything differs, nothing changes. The copy here is kept up to date for{' '}
        {options.setKeptDays.toLocaleString('en')} days, and can be moved back to in the time of a comparison.
      </p>
      <button type="submit" class="primary" aria-disabled={busy}>
        Move to {choices.engine}
      </button>
      {error !== undefined && <Fault error={error} />}
    </form>
  )
}
