/** Accepts pictures, folders and archives, shows their progress, and can resend those that failed. */
import { useState } from 'preact/hooks'
import { may } from '../api/caller.js'
import { FileButton } from '../controls/file-button.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { useDrop } from '../controls/use-drop.js'
import { JobActions } from '../jobs/job-actions.js'
import { JobProgress } from '../jobs/job-progress.js'
import { chosenFiles, droppedFiles, isArchive, type PathedFile } from './dropped-files.js'
import { UploadResult } from './upload-result.js'
import {
  type EndedUpload,
  type Sending,
  setUpload,
  type UploadWatcher,
  upload,
  uploadOf,
  useUpload,
} from './uploads.js'
import { useRunningIngest } from './use-running-ingest.js'

export interface UploadPanelProps extends UploadWatcher {
  gallery: string
}

export function UploadPanel({ gallery, onStored, onEnd }: UploadPanelProps) {
  const [label, setLabel] = useState('')
  const { sending, ended, error } = useUpload(gallery, { onStored, onEnd })
  const { job, setJob } = useRunningIngest(gallery, sending !== undefined, { onStored, onEnd })
  const allowed = may('ingest')
  const send = (files: readonly PathedFile[]) => void upload(gallery, files, label)
  const drop = (dropped: DataTransfer) =>
    void droppedFiles(dropped).then(send, (error: unknown) => setUpload(gallery, { ...uploadOf(gallery), error }))
  const over = useDrop(allowed ? drop : undefined)
  return (
    <section class={allowed ? `upload${over ? ' over' : ''}` : 'stack'} aria-label="Add pictures">
      {sending && <Progress {...sending} />}
      {job && (
        <div class="row">
          <span class="grow">
            <JobProgress job={job} />
          </span>
          {allowed && <JobActions job={job} onChanged={setJob} />}
        </div>
      )}
      <Needs to="ingest" otherwise="reason">
        {!sending && <Choice label={label} onLabel={setLabel} onFiles={send} />}
      </Needs>
      {error !== undefined && <Fault error={error} />}
      {ended && (
        <UploadResult
          result={ended.result}
          onAgain={() => void upload(gallery, unstored(ended), ended.label)}
          onClose={() => setUpload(gallery)}
        />
      )}
    </section>
  )
}

/** Of an archive it is not known what; the service skips pictures it already has. */
function unstored({ files, result }: EndedUpload): PathedFile[] {
  const names = new Set(result.failed.map(({ name }) => name))
  return files.filter(({ path, file }) => names.has(path) || isArchive(file))
}

interface ChoiceProps {
  label: string
  onLabel: (label: string) => void
  onFiles: (files: readonly PathedFile[]) => void
}

function Choice({ label, onLabel, onFiles }: ChoiceProps) {
  const choose = (files: readonly File[]) => onFiles(chosenFiles(files))
  return (
    <div class="row">
      <span class="drop-words">Drop pictures, folders (their names become labels), zip or tar, or choose</span>
      <span class="touch-words">Add pictures, zip or tar:</span>
      <FileButton name="Files" multiple onFiles={choose} />
      <FileButton name="A folder" multiple folder onFiles={choose} />
      <input
        aria-label="Label for pictures outside folders"
        placeholder="label outside folders"
        value={label}
        dir="auto"
        onInput={({ currentTarget }) => onLabel(currentTarget.value)}
      />
    </div>
  )
}

function Progress({ progress: { sentFiles, files, job }, stop }: Sending) {
  return (
    <div class="row">
      <span class="grow">
        {sentFiles.toLocaleString('en')} of {files.toLocaleString('en')} files sent
        {job && <JobProgress job={job} />}
      </span>
      <button type="button" onClick={() => stop.abort()}>
        Stop
      </button>
    </div>
  )
}
