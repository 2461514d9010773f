/** Accepts pictures, folders and archives, shows their progress, and can resend those that failed. */
import { useState } from 'preact/hooks'
import { Fault } from '../controls/notice.js'
import { JobProgress } from '../jobs/job-progress.js'
import { chosenFiles, droppedFiles, isArchive, type PathedFile } from './dropped-files.js'
import { UploadResult } from './upload-result.js'
import { type EndedUpload, type Sending, useUpload } from './use-upload.js'

export interface UploadPanelProps {
  gallery: string
  onStored: (stored: number) => void
  onEnd: () => void
}

export function UploadPanel({ gallery, onStored, onEnd }: UploadPanelProps) {
  const [over, setOver] = useState(false)
  const [label, setLabel] = useState('')
  const { sending, ended, error, send, setError } = useUpload({ gallery, label, onStored, onEnd })
  const again = ({ files, result }: EndedUpload) => {
    const names = new Set(result.failed.map(({ name }) => name))
    // for an archive, the service skips pictures it already has
    return send(files.filter(({ path, file }) => names.has(path) || isArchive(file)))
  }

  return (
    <section
      class={over ? 'upload over' : 'upload'}
      aria-label="Add pictures"
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={async (event) => {
        event.preventDefault()
        setOver(false)
        if (event.dataTransfer !== null) await droppedFiles(event.dataTransfer).then(send, setError)
      }}
    >
      {sending === undefined ? <Choice label={label} onLabel={setLabel} onFiles={send} /> : <Progress {...sending} />}
      {error !== undefined && <Fault error={error} />}
      {ended !== undefined && <UploadResult result={ended.result} onAgain={() => again(ended)} />}
    </section>
  )
}

interface ChoiceProps {
  label: string
  onLabel: (label: string) => void
  onFiles: (files: PathedFile[]) => Promise<void>
}

function Choice({ label, onLabel, onFiles }: ChoiceProps) {
  return (
    <div class="row">
      <span>Drop pictures, folders (their names become labels), zip or tar here, or choose</span>
      <FileButton name="Files" onFiles={onFiles} />
      <FileButton name="A folder" folder onFiles={onFiles} />
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

function FileButton({
  name,
  folder,
  onFiles,
}: {
  name: string
  folder?: boolean
  onFiles: (files: PathedFile[]) => Promise<void>
}) {
  return (
    <label class="button">
      {name}
      <input
        class="unseen"
        type="file"
        multiple
        // @ts-expect-error supported by every browser but not standardised
        webkitdirectory={folder}
        onChange={({ currentTarget }) => {
          const files = chosenFiles(currentTarget.files)
          currentTarget.value = ''
          void onFiles(files)
        }}
      />
    </label>
  )
}
