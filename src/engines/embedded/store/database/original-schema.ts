/**
 * An original is in use while a picture has its content hash. Triggers note the hashes that pictures give up, in the
 * transaction that removes them, so that no code path can forget to.
 */
export const originalSchema = `
  CREATE INDEX image_by_content ON image (content_hash);

  CREATE TABLE released_original (     -- looked at, and removed where no picture uses it any more
    content_hash TEXT PRIMARY KEY
  ) STRICT, WITHOUT ROWID;

  CREATE TRIGGER image_released AFTER DELETE ON image BEGIN
    INSERT OR IGNORE INTO released_original VALUES (old.content_hash);
  END;
`

/**
 * References to pictures in their owner's storage, and the gallery's option. Older rows have neither, and their
 * checksums stay valid.
 */
export const referenceSchema = `
  ALTER TABLE image ADD COLUMN reference TEXT;
  ALTER TABLE gallery ADD COLUMN options TEXT NOT NULL DEFAULT '{}'; -- JSON
`
