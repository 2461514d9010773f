/** A button that opens the browser's file chooser. */
export interface FileButtonProps {
  name: string
  onFiles: (files: readonly File[]) => void
  primary?: boolean
  /** As in the `accept` attribute; default: any. */
  accept?: string
  multiple?: boolean
  /** Whole folders instead of files. */
  folder?: boolean
  /** Opens the camera of a phone. */
  capture?: 'environment'
}

export function FileButton({ name, onFiles, primary = false, folder = false, ...input }: FileButtonProps) {
  return (
    <label class={primary ? 'button primary' : 'button'}>
      {name}
      <input
        class="unseen"
        type="file"
        // @ts-expect-error supported by every browser but not standardised
        webkitdirectory={folder}
        {...input}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])]
          // the same file can be chosen again
          currentTarget.value = ''
          onFiles(files)
        }}
      />
    </label>
  )
}
