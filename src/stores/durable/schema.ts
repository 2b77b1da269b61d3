/**
 * The tables of an object. An entry and its tombstone are one row, so that a look reads one row, and a write is refused
 * where the tombstone is. `verified` and `open` hold when the origin confirmed the entry: to a caller, or to everybody.
 * Times are epoch ms; `expires` is when a row is of no use to anybody.
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS entries (
  links TEXT NOT NULL, digest TEXT NOT NULL,
  canonical TEXT, size INTEGER, mediatype TEXT, witness TEXT,
  verified INTEGER, open INTEGER, cleared INTEGER NOT NULL DEFAULT 0, expires INTEGER NOT NULL,
  PRIMARY KEY (links, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pointers (
  tag TEXT NOT NULL, variant TEXT NOT NULL, digest TEXT, verified INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (tag, variant)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cleared (
  scope TEXT PRIMARY KEY, until INTEGER NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sightings (
  tag TEXT NOT NULL, digest TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, since INTEGER NOT NULL,
  held INTEGER NOT NULL, initial INTEGER NOT NULL, released INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (tag, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sightings_by_digest ON sightings (digest);
CREATE TABLE IF NOT EXISTS contents (
  digest TEXT PRIMARY KEY, content BLOB NOT NULL, written INTEGER NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pulls (
  one INTEGER PRIMARY KEY, budget TEXT NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
`;

/** Every table has rows that expire. */
export const TABLES = ['entries', 'pointers', 'cleared', 'contents', 'sightings', 'pulls'] as const;
