/** Accepts pictures, folders and archives, shows their progress, and can resend those that failed. */
import { useState } from 'preact/hooks'
import { Fault } from '../controls/notice.js'
import { JobProgress } from '../jobs/job-progress.js'
import { chosenFiles, droppedFiles, isArchive, type PathedFile } from './dropped-files.js'
import { type SendProgress, type SendResult, sendImages } from './send-images.js'
import { UploadResult } from './upload-result.js'

interface Sending {
  progress: SendProgress
  stop: AbortController
}

export function UploadPanel({ gallery, onEnd }: { gallery: string; onEnd: () => void }) {
  const [over, setOver] = useState(false)
  const [label, setLabel] = useState('')
  const [sending, setSending] = useState<Sending>()
  const [ended, setEnded] = useState<{ files: PathedFile[]; result: SendResult }>()
  const [error, setError] = useState<unknown>()

  const send = async (files: PathedFile[]) => {
    if (files.length === 0 || sending !== undefined) return
    const stop = new AbortController()
    setEnded(undefined)
    setError(undefined)
    setSending({ progress: { files: files.length, sentFiles: 0 }, stop })
    try {
      const onProgress = (progress: SendProgress) => setSending({ progress, stop })
      setEnded({ files, result: await sendImages({ gallery, files, label, signal: stop.signal, onProgress }) })
    } catch (reason) {
      if (!stop.signal.aborted) setError(reason)
    }
    setSending(undefined)
    onEnd()
  }
  const again = ({ files, result }: NonNullable<typeof ended>) => {
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
