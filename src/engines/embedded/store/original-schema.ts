/**
 * An original is used while a picture has its content hash; what pictures gave up is noted here by the database itself, in the
 * transaction that removes them, so that no way of removing can forget it.
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

/** Where a picture's owner has it, and what was chosen for a gallery. Rows of before have neither, and their checksums hold. */
export const referenceSchema = `
  ALTER TABLE image ADD COLUMN reference TEXT;
  ALTER TABLE gallery ADD COLUMN options TEXT NOT NULL DEFAULT '{}'; -- JSON
`
