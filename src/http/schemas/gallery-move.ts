/** The copy of a gallery in another engine, during its move and as long as it is kept. */
import { Type } from 'typebox'

export const GalleryMove = Type.Object(
  {
    engine: Type.String({ description: 'The engine that stores the copy.' }),
    state: Type.Enum(['copying', 'kept'], {
      type: 'string',
      description:
        '`copying`: the gallery is being moved there by `job`, unless the job has failed. `kept`: the gallery was moved from there, and the copy is kept up to date until `keptUntil`.',
    }),
    images: Type.Integer({ description: 'Pictures in the copy.' }),
    job: Type.Optional(Type.String({ description: 'The unfinished job that moves it.' })),
    keptUntil: Type.Optional(Type.String({ description: 'When the copy will be deleted.' })),
    compared: Type.Optional(
      Type.Object(
        {
          images: Type.Integer(),
          checksum: Type.Optional(
            Type.String({
              description:
                'Order-independent sum over all pictures, hex. Absent if some were written in the meantime and therefore compared individually.',
            }),
          ),
          comparedAt: Type.String(),
        },
        { description: 'The comparison made before the gallery was switched to its current engine.' },
      ),
    ),
  },
  { description: 'Its copy in another engine, if there is one. Not in lists.' },
)
