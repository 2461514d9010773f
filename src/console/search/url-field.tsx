/** The URL of a picture that the service fetches itself, from its allowed hosts. */
import { useState } from 'preact/hooks'

export function UrlField({ onUrl }: { onUrl: (url: string) => void }) {
  const [url, setUrl] = useState('')
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        onUrl(url)
        setUrl('')
      }}
    >
      <input
        type="url"
        class="grow"
        required
        aria-label="Address of a picture"
        placeholder="https://…"
        value={url}
        onInput={(event) => setUrl(event.currentTarget.value)}
      />
      <button type="submit">Search</button>
    </form>
  )
}
