/** What a caller may do: verbs, and the galleries in which it may. */

/** Each may do what those before it may. */
export const roles = ['read', 'write', 'admin'] as const
export type Role = (typeof roles)[number]

/** `search` queries, `read` looks things up, `delete` takes away what is stored, `admin` is what is left. */
export const verbs = ['search', 'read', 'metrics', 'write', 'delete', 'admin'] as const
export type Verb = (typeof verbs)[number]

const verbsOfRoles: Record<Role, readonly Verb[]> = {
  read: ['search', 'read', 'metrics'],
  write: ['search', 'read', 'metrics', 'write', 'delete'],
  admin: verbs,
}

export interface Grant {
  verbs: ReadonlySet<Verb>
  /** Names, or beginnings of names that end with `*`; undefined: every gallery, and what belongs to none. */
  galleries?: readonly string[] | undefined
}

/** Who asks, and what it may. */
export interface Caller {
  /** For the log, the rate limit and the audit log. */
  name: string
  grant: Grant
  expiresAt?: Date | undefined
}

export const galleryPattern = /^[A-Za-z0-9._-]{1,64}\*?$|^\*$/

export function verbsOf(role: Role): readonly Verb[] {
  return verbsOfRoles[role]
}

/** @param grant none where the service is open */
export function reaches(grant: Grant | undefined, gallery: string): boolean {
  const { galleries } = grant ?? {}
  if (galleries === undefined) return true
  return galleries.some((pattern) =>
    pattern.endsWith('*') ? gallery.startsWith(pattern.slice(0, -1)) : gallery === pattern,
  )
}
