/**
 * What has to be decided in Redis, each in one atomic step: of two tombstones the farther stays, also where two edges write
 * at the same time. What is no time in `cleared` is no tombstone, and a key of another type, where only the edge writes, is
 * nobody's record: both are replaced. A key's life is never made shorter, since the tombstone that stays may need it.
 */
const PRELUDE = `
local function timeIn(text)
  if type(text) ~= 'string' or #text > 16 or not string.find(text, '^%d+$') then return nil end
  local time = tonumber(text)
  if time <= 9007199254740991 then return time end
  return nil
end

-- Of a key that only the edge writes.
local function own(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or reply.err == nil then return reply end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then return redis.call(command, key, ...) end
  redis.call('DEL', key)
  return {}
end

local function buryIn(key, stands, reach, life)
  if (timeIn(stands) or -1) < tonumber(reach) then redis.call('HSET', key, 'cleared', reach) end
  if redis.call('TTL', key) < tonumber(life) then redis.call('EXPIRE', key, life) end
  return math.max(timeIn(stands) or 0, tonumber(reach))
end

-- A tombstone for all repositories; only a clear for all of them writes one.
local function repairTombstone(key, stands)
  if stands and not timeIn(stands) then redis.call('HDEL', key, 'cleared') end
end

-- Removes what tells of a confirmation; returns whether some of it is spared, and the entry with it.
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

/** KEYS: hashes. ARGV: until, life in s. */
export const WRITE_TOMBSTONE = `${PRELUDE}
for _, key in ipairs(KEYS) do buryIn(key, own('HMGET', key, 'cleared')[1], ARGV[1], ARGV[2]) end
return #KEYS`;

/** KEYS: members, then for each digest the global and the repository's hash. ARGV: until, life in s, spares, digests. */
export const CLEAR_OWN = `${PRELUDE}
local named = {}
own('SCARD', KEYS[1])
for i = 1, #ARGV - 3 do
  local digest, global, scoped = ARGV[i + 3], KEYS[2 * i], KEYS[2 * i + 1]
  local known = own('HMGET', global, 'digest', 'cleared')
  named[i] = known[1] or false
  repairTombstone(global, known[2])
  local found = own('HMGET', scoped, 'cleared', 'verified', 'open')
  local cleared = buryIn(scoped, found[1], ARGV[1], ARGV[2])
  if not removeConfirmed(scoped, {found[2], found[3]}, cleared, ARGV[3]) then
    redis.call('HDEL', scoped, 'mediatype', 'told', 'toldtype')
    redis.call('SREM', KEYS[1], digest)
  end
end
return named`;

/**
 * What a registry does to clear (redis.go of distribution 3.1), and no more to its keys.
 * KEYS: members, then for each digest the global and the repository's hash, and the edge's own two. ARGV: as above.
 */
export const CLEAR_SHARED = `${PRELUDE}
local named = {}
for i = 1, #ARGV - 3 do
  local digest, global, scoped = ARGV[i + 3], KEYS[4 * i - 2], KEYS[4 * i - 1]
  local key, forAll = KEYS[4 * i], KEYS[4 * i + 1]
  repairTombstone(forAll, own('HMGET', forAll, 'cleared')[1])
  local found = own('HMGET', key, 'cleared', 'verified', 'open')
  local cleared = buryIn(key, found[1], ARGV[1], ARGV[2])
  local isSpared = removeConfirmed(key, {found[2], found[3]}, cleared, ARGV[3])
  named[i] = redis.call('HGET', global, 'digest')
  if not isSpared then
    redis.call('SREM', KEYS[1], digest)
    redis.call('DEL', scoped)
    redis.call('HDEL', global, 'digest', 'size', 'mediatype')
  end
end
return named`;

/** KEYS: for each digest the global hash, and the one that has the tombstone. ARGV: until, life in s. */
export const CLEAR_GLOBAL = `${PRELUDE}
local named = {}
for i = 1, #KEYS / 2 do
  local global, key = KEYS[2 * i - 1], KEYS[2 * i]
  buryIn(key, own('HMGET', key, 'cleared')[1], ARGV[1], ARGV[2])
  named[i] = redis.call('HGET', global, 'digest')
  redis.call('HDEL', global, 'digest', 'size', 'mediatype')
end
return named`;

/**
 * KEYS: a tag. ARGV: where it leads, since when, life in ms, whether it was moved there. Returns whether it was not dropped, or
 * led elsewhere, since.
 */
export const NOTE_TAG = `${PRELUDE}
local found = own('HMGET', KEYS[1], 'cleared', 'led')
local at = tonumber(ARGV[2])
if ARGV[4] ~= 'moved' and (timeIn(found[1]) or 0) >= at then return 0 end
local led = found[2] or ''
if (timeIn(string.match(led, ' (%d+)$')) or 0) > at then
  if string.match(led, '^%S*') == ARGV[1] then return 1 end
  return 0
end
redis.call('HSET', KEYS[1], 'led', ARGV[1] .. ' ' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`;

/**
 * Removes where tags lead, all of it or what was confirmed by the tombstone.
 * KEYS: tags. ARGV: until, life in ms, spares. Returns for each how many could have answered, then where all of it led;
 * `led` answers nobody.
 */
export const CLEAR_TAGS = `${PRELUDE}
local removed = {}
for i, key in ipairs(KEYS) do
  local fields = own('HGETALL', key)
  local stands = 0
  for at = 1, #fields, 2 do
    if fields[at] == 'cleared' then stands = timeIn(fields[at + 1]) or 0 end
  end
  local cleared = math.max(stands, tonumber(ARGV[1]))
  removed[i] = {0}
  for at = 1, #fields, 2 do
    local confirmed = timeIn(string.match(fields[at + 1], ' (%d+)$'))
    local isSpared = ARGV[3] == 'later' and (fields[at] == 'led' or confirmed and confirmed > cleared)
    if fields[at] ~= 'cleared' and not isSpared then
      redis.call('HDEL', key, fields[at])
      table.insert(removed[i], string.match(fields[at + 1], '^%S*') or '')
      local counts = fields[at] ~= 'led' and (not confirmed or confirmed > stands or stands == 0)
      if counts then removed[i][1] = removed[i][1] + 1 end
    end
  end
  if stands < tonumber(ARGV[1]) then redis.call('HSET', key, 'cleared', ARGV[1]) end
  if redis.call('PTTL', key) < tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[2]) end
end
return removed`;
