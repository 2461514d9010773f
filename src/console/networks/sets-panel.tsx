/**
 * Changes a gallery's network: the new set is built beside the serving one, evaluated, switched to, and switched back.
 */

import { useState } from 'preact/hooks'
import { Confirm } from '../controls/confirm.js'
import { picturesText } from '../controls/counts.js'
import { dateText } from '../controls/dates.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { JobActions } from '../jobs/job-actions.js'
import { JobProgress } from '../jobs/job-progress.js'
import { GateVerdict } from './gate-verdict.js'
import { type EmbeddingSet, type Sets, useSets } from './use-sets.js'

export interface SetsPanelProps {
  gallery: string
  models: readonly { id: string; name: string }[]
}

export function SetsPanel({ gallery, models }: SetsPanelProps) {
  const actions = useSets(gallery)
  const nameOf = (id: string) => models.find((one) => one.id === id)?.name ?? id
  const { sets = [], job, error } = actions
  const others = models.filter(({ id }) => !sets.some(({ modelId }) => modelId === id))
  const tellsJob = job !== undefined && (job.finishedAt === null || job.failure !== null)
  return (
    <section class="network stack" aria-label="Networks of this gallery">
      <h2>
        Networks of <bdi>{gallery}</bdi>
      </h2>
      <p class="hint">
        Another network embeds the pictures next to the serving one, both are judged on the gallery’s own labels, and
        one step switches between them. Searches continue meanwhile.
      </p>
      {error !== undefined && <Fault error={error} />}
      <Needs to={['admin', 're-embedding']}>
        <ul class="sets stack">
          {sets.map((set) => (
            <SetRow
              key={`${set.modelId} ${set.engine}`}
              set={set}
              serving={sets.find(({ state }) => state === 'serving')}
              actions={actions}
              nameOf={nameOf}
            />
          ))}
        </ul>
        {tellsJob && <JobProgress job={job} />}
        {tellsJob && <JobActions job={job} onChanged={actions.setJob} />}
        {actions.sets !== undefined && others.length > 0 && <BuildForm models={others} sets={actions} />}
      </Needs>
      {models.length === 1 && (
        <p class="hint">
          There is one network. <code>npm run model -- install FOLDER</code> adds another one.
        </p>
      )}
    </section>
  )
}

interface SetRowProps {
  set: EmbeddingSet
  serving: EmbeddingSet | undefined
  actions: Sets
  nameOf: (model: string) => string
}

const meanings: Record<EmbeddingSet['state'], string> = {
  serving: 'answers searches',
  building: 'is being built',
  ready: 'is ready',
  kept: 'answered searches before',
}

function SetRow({ set, serving, actions, nameOf }: SetRowProps) {
  const { modelId, engine, state, count, keptUntil, gate } = set
  const isCopy = set !== serving && modelId === serving?.modelId
  const name = nameOf(modelId)
  return (
    <li class="set stack">
      <div class="row">
        <strong>
          <bdi>{name}</bdi>
        </strong>
        <span class={`chip set-${state}`}>{meanings[state]}</span>
        <span class="hint">
          {picturesText(count)}, engine: {engine}
          {keptUntil !== undefined && `, kept until ${dateText(keptUntil)}`}
        </span>
        <SetActions set={set} isCopy={isCopy} actions={actions} name={name} />
      </div>
      {gate !== undefined && state !== 'serving' && <GateVerdict gate={gate} nameOf={nameOf} />}
    </li>
  )
}

/** @param isCopy the set copies the serving one in another engine: it serves after a move instead of a switch */
function SetActions({
  set,
  isCopy,
  actions,
  name,
}: {
  set: EmbeddingSet
  isCopy: boolean
  actions: Sets
  name: string
}) {
  const { modelId, state, gate, withoutOriginal } = set
  const { serve, build, remove, busy, isWorking } = actions
  if (state === 'serving') return null
  const passed = gate?.passed !== false
  return (
    <span class="toolbar-end row">
      {state === 'kept' && !isCopy && (
        <button type="button" class="primary" aria-disabled={isWorking} onClick={() => serve(modelId, false)}>
          Roll back to it<span class="unseen">, {name}</span>
        </button>
      )}
      {state === 'ready' && (
        <button
          type="button"
          class={passed ? 'primary' : 'danger'}
          aria-disabled={isWorking}
          onClick={() => serve(modelId, !passed)}
        >
          {passed ? 'Switch to it' : 'Switch anyway'}
          <span class="unseen">, {name}</span>
        </button>
      )}
      {state === 'ready' && (
        <button
          type="button"
          class="quiet"
          aria-disabled={isWorking}
          onClick={() => build({ model: modelId, withoutOriginal })}
        >
          Judge again<span class="unseen">, {name}</span>
        </button>
      )}
      <RemoveButton set={set} isCopy={isCopy} busy={busy} name={name} onRemove={() => remove(modelId)} />
    </span>
  )
}

interface RemoveButtonProps {
  set: EmbeddingSet
  isCopy: boolean
  busy: boolean
  name: string
  onRemove: () => void
}

function RemoveButton({ set: { state, count, engine }, isCopy, busy, name, onRemove }: RemoveButtonProps) {
  const [asks, setAsks] = useState(false)
  return (
    <>
      <button type="button" class="quiet" aria-disabled={busy} onClick={() => busy || setAsks(true)}>
        Remove<span class="unseen"> {name}</span>
      </button>
      {asks && (
        <Confirm
          title={isCopy ? `Remove the copy in ${engine}?` : `Remove the embeddings of ${name}?`}
          action="Remove"
          onConfirm={onRemove}
          onClose={() => setAsks(false)}
        >
          {isCopy
            ? `The gallery stays where it is. Moving it to ${engine} again copies all of its pictures.`
            : `Searches are answered as before. ${lossOf[state]} ${picturesText(count)} would have to be embedded again.`}
        </Confirm>
      )}
    </>
  )
}

const lossOf: Record<EmbeddingSet['state'], string> = {
  serving: '',
  building: 'What has been built so far is lost:',
  ready: 'The gallery can no longer be switched to it:',
  kept: 'The gallery can no longer be rolled back to it:',
}

function BuildForm({ models, sets }: { models: readonly { id: string; name: string }[]; sets: Sets }) {
  const [model, setModel] = useState<string>()
  const [leaveOut, setLeaveOut] = useState(false)
  const chosen = models.find(({ id }) => id === model) ?? models[0]!
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        sets.build({ model: chosen.id, withoutOriginal: leaveOut ? 'leave_out' : 'fail' })
      }}
    >
      <label class="row">
        Network
        <select value={chosen.id} onChange={({ currentTarget }) => setModel(currentTarget.value)}>
          {models.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="tick">
        <input
          type="checkbox"
          checked={leaveOut}
          onChange={({ currentTarget }) => setLeaveOut(currentTarget.checked)}
        />
        Leave out pictures without an original
      </label>
      <button type="submit" class="primary" aria-disabled={sets.isWorking}>
        Build and judge
      </button>
    </form>
  )
}
