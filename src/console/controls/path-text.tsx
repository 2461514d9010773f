/** An id, a path or a URL, part by part from left to right, in whatever script the parts are. */
import { Fragment } from 'preact'

export function PathText({ path }: { path: string }) {
  return (
    <bdi dir="ltr">
      {path.split('/').map((part, place) => (
        <Fragment key={place}>
          {place > 0 && '/'}
          <bdi dir="ltr">{part}</bdi>
        </Fragment>
      ))}
    </bdi>
  )
}
