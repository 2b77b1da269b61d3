/**
 * Shared by all scripts. A script decides in one atomic step what has to be decided in Redis: of two tombstones the one
 * that reaches farther stays, even if two edges write at the same time. A value of `cleared` that is not a time is
 * replaced, and so is a key of another type if only the edge writes to it. The life of a key is never shortened, since
 * the tombstone that stays may need it.
 */
const PRELUDE = `
local function timeIn(text)
  if type(text) ~= 'string' or #text > 16 or not string.find(text, '^%d+$') then return nil end
  local time = tonumber(text)
  if time <= 9007199254740991 then return time end
  return nil
end

-- Runs a command on a key to which only the edge writes; deletes the key if it has another type.
local function own(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or reply.err == nil then return reply end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then return redis.call(command, key, ...) end
  redis.call('DEL', key)
  return {}
end

-- Writes a tombstone unless the current one reaches farther; returns the one that stays.
local function writeTombstone(key, current, clearedUntil, life)
  if (timeIn(current) or -1) < tonumber(clearedUntil) then redis.call('HSET', key, 'cleared', clearedUntil) end
  if redis.call('TTL', key) < tonumber(life) then redis.call('EXPIRE', key, life) end
  return math.max(timeIn(current) or 0, tonumber(clearedUntil))
end

-- Removes a malformed tombstone for all repositories; only a clear for all of them writes such a tombstone.
local function repairTombstone(key, current)
  if current and not timeIn(current) then redis.call('HDEL', key, 'cleared') end
end

-- Removes the times of confirmation; returns whether one of them is later than the tombstone, so that the entry stays.
local function removeConfirmed(key, confirmed, cleared, spares)
  local isSpared = false
  for at, field in ipairs({'verified', 'open'}) do
    if confirmed[at] then
      if spares == 'later' and (timeIn(confirmed[at]) or 0) > cleared then isSpared = true
      else redis.call('HDEL', key, field) end
    end
  end
  return isSpared
end
`;

/** Writes tombstones. KEYS: hashes. ARGV: until, life in s. */
export const WRITE_TOMBSTONE = `${PRELUDE}
for _, key in ipairs(KEYS) do writeTombstone(key, own('HMGET', key, 'cleared')[1], ARGV[1], ARGV[2]) end
return #KEYS`;

/**
 * Clears entries in a database of the edge's own, and returns the digest that each entry named.
 *
 * KEYS: members, then for each digest the global and the repository's hash. ARGV: until, life in s, spares, digests.
 */
export const CLEAR_OWN = `${PRELUDE}
local named = {}
own('SCARD', KEYS[1])
for i = 1, #ARGV - 3 do
  local digest, global, scoped = ARGV[i + 3], KEYS[2 * i], KEYS[2 * i + 1]
  local known = own('HMGET', global, 'digest', 'cleared')
  named[i] = known[1] or false
  repairTombstone(global, known[2])
  local found = own('HMGET', scoped, 'cleared', 'verified', 'open')
  local cleared = writeTombstone(scoped, found[1], ARGV[1], ARGV[2])
  if not removeConfirmed(scoped, {found[2], found[3]}, cleared, ARGV[3]) then
    redis.call('HDEL', scoped, 'mediatype', 'told', 'toldtype')
    redis.call('SREM', KEYS[1], digest)
  end
end
return named`;

/**
 * Clears entries in the database of a registry, and returns the digest that each entry named. The registry's keys are
 * changed only as the registry itself does to clear an entry (redis.go of distribution 3.1).
 *
 * KEYS: members, then for each digest the global and the repository's hash, and the edge's own two. ARGV: as above.
 */
export const CLEAR_SHARED = `${PRELUDE}
local named = {}
for i = 1, #ARGV - 3 do
  local digest, global, scoped = ARGV[i + 3], KEYS[4 * i - 2], KEYS[4 * i - 1]
  local key, forAll = KEYS[4 * i], KEYS[4 * i + 1]
  repairTombstone(forAll, own('HMGET', forAll, 'cleared')[1])
  local found = own('HMGET', key, 'cleared', 'verified', 'open')
  local cleared = writeTombstone(key, found[1], ARGV[1], ARGV[2])
  local isSpared = removeConfirmed(key, {found[2], found[3]}, cleared, ARGV[3])
  named[i] = redis.call('HGET', global, 'digest')
  if not isSpared then
    redis.call('SREM', KEYS[1], digest)
    redis.call('DEL', scoped)
    redis.call('HDEL', global, 'digest', 'size', 'mediatype')
  end
end
return named`;

/**
 * Clears global records, and returns the digest that each record named.
 *
 * KEYS: for each digest the global hash, and the hash that holds the tombstone. ARGV: until, life in s.
 */
export const CLEAR_GLOBAL = `${PRELUDE}
local named = {}
for i = 1, #KEYS / 2 do
  local global, key = KEYS[2 * i - 1], KEYS[2 * i]
  writeTombstone(key, own('HMGET', key, 'cleared')[1], ARGV[1], ARGV[2])
  named[i] = redis.call('HGET', global, 'digest')
  redis.call('HDEL', global, 'digest', 'size', 'mediatype')
end
return named`;

/**
 * Notes the manifest of a tag. Returns 1 if the note is current, and 0 if the tag was dropped or points elsewhere
 * since.
 *
 * KEYS: the tag. ARGV: digest, verifiedAt, life in ms, `moved` if a push moved the tag there.
 */
export const NOTE_TAG = `${PRELUDE}
local found = own('HMGET', KEYS[1], 'cleared', 'led')
local at = tonumber(ARGV[2])
if ARGV[4] ~= 'moved' and (timeIn(found[1]) or 0) >= at then return 0 end
local note = found[2] or ''
if (timeIn(string.match(note, ' (%d+)$')) or 0) > at then
  if string.match(note, '^%S*') == ARGV[1] then return 1 end
  return 0
end
redis.call('HSET', KEYS[1], 'led', ARGV[1] .. ' ' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`;

/**
 * Removes the pointers of tags: all of them, or those that were confirmed until the tombstone. Returns for each tag the
 * number of pointers that counted, followed by the digests of all removed pointers. The field `led` holds the note,
 * which is not counted, since it answers nobody.
 *
 * KEYS: tags. ARGV: until, life in ms, spares.
 */
export const CLEAR_TAGS = `${PRELUDE}
local removed = {}
for i, key in ipairs(KEYS) do
  local fields = own('HGETALL', key)
  local current = 0
  for at = 1, #fields, 2 do
    if fields[at] == 'cleared' then current = timeIn(fields[at + 1]) or 0 end
  end
  local cleared = math.max(current, tonumber(ARGV[1]))
  removed[i] = {0}
  for at = 1, #fields, 2 do
    local confirmed = timeIn(string.match(fields[at + 1], ' (%d+)$'))
    local isSpared = ARGV[3] == 'later' and (fields[at] == 'led' or confirmed and confirmed > cleared)
    if fields[at] ~= 'cleared' and not isSpared then
      redis.call('HDEL', key, fields[at])
      table.insert(removed[i], string.match(fields[at + 1], '^%S*') or '')
      local counts = fields[at] ~= 'led' and (not confirmed or confirmed > current or current == 0)
      if counts then removed[i][1] = removed[i][1] + 1 end
    end
  end
  if current < tonumber(ARGV[1]) then redis.call('HSET', key, 'cleared', ARGV[1]) end
  if redis.call('PTTL', key) < tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[2]) end
end
return removed`;
