#!lua name=LIBRARY
--[[
Home timelines in Redis: what happens inside the server, each call in one piece. `layout.ts` has the picture of the keys.

Every writing call begins by entering the shard's record, which tells whether the shard still holds what this writer saw
acknowledged. When it does not (flushed, evicted, a fail-over that lost writes), the shard gets a new generation, and
timelines of an older one count as missing.

An insert that is newer than everything in its shard cannot be there already and belongs at the end of every list: one
RPUSHX per timeline, which passes over the missing ones by itself. Anything else looks at the timeline first.
]]

local ENTRY_BYTES = 24
-- Entries that are read.
local ENTRIES_MAX = 800
-- A list is trimmed when it has this many elements more, marker included.
local TRIM_EVERY = 100
local LENGTH_MAX = ENTRIES_MAX + TRIM_EVERY
local BUILDING, PRESENT = 'B', 'P'
-- Written out: while a library is loaded, Lua's own libraries are not there.
local NO_ID = '\0\0\0\0\0\0\0\0'
local MARKER = 'c1c8>dd'
local MARKER_BYTES = 25
-- Writers of the past that a record remembers.
local WRITERS_MAX = 64

-- Ids are compared as two numbers: a Lua number holds 53 bits, and Redis compares strings by the machine's locale.
local function is_above(a, b)
  local a_high, a_low = struct.unpack('>I4I4', a)
  local b_high, b_low = struct.unpack('>I4I4', b)
  return a_high > b_high or (a_high == b_high and a_low > b_low)
end

local function id_of(entry)
  return string.sub(entry, 1, 8)
end

-- Shards

-- Generations are microseconds of some server's clock, and rise: who knows a higher one has seen writes that are lost.
local function begin_anew(record, above)
  local time = redis.call('TIME')
  local generation = string.format('%.0f', math.max(above + 1, time[1] * 1000000 + time[2]))
  redis.call('DEL', record)
  redis.call('HSET', record, 'generation', generation)
  return { record = record, generation = generation, high = 0, low = 0, timelines = 0, entries = 0 }
end

-- args: writer, the generation it knows (0: none yet), its highest number acknowledged in that, the number of this call.
local function enter(record, args)
  local writer, known, acknowledged, number = args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  local read = redis.call('HMGET', record, 'generation', 'newest', 'timelines', 'entries', writer)
  local generation, seen = tonumber(read[1] or 0), tonumber(read[5] or 0)
  local is_lost = generation == 0 or generation < known or (generation == known and seen < acknowledged)
  local shard
  if is_lost then
    seen = 0
    shard = begin_anew(record, math.max(generation, known))
  else
    local high, low = struct.unpack('>I4I4', read[2] or NO_ID)
    shard = {
      record = record,
      generation = read[1],
      high = high, -- of the newest id
      low = low,
      timelines = tonumber(read[3] or 0),
      entries = tonumber(read[4] or 0),
    }
  end
  shard.writer = writer
  shard.number = math.max(seen, number)
  return shard
end

-- Whether an id is above all others of the shard; from then on it is the highest.
local function rises(shard, id)
  local high, low = struct.unpack('>I4I4', id)
  if high < shard.high or (high == shard.high and low <= shard.low) then return false end
  shard.high, shard.low = high, low
  return true
end

-- What every writing call returns: generation, timelines and entries of the shard, then its own.
local function leave(shard, ...)
  local timelines, entries = math.max(0, shard.timelines), math.max(0, shard.entries)
  local newest = struct.pack('>I4I4', shard.high, shard.low)
  redis.call('HSET', shard.record, 'newest', newest, 'timelines', timelines, 'entries', entries,
    shard.writer, string.format('%.0f', shard.number))
  return { tonumber(shard.generation), timelines, entries, ... }
end

-- Markers: the first element of each list

local function marker_of(element)
  if not element or #element == ENTRY_BYTES then return nil end
  local state, floor, epoch, at = struct.unpack(MARKER, element)
  return { state = state, floor = floor, epoch = epoch, at = at, generation = string.sub(element, MARKER_BYTES + 1) }
end

local function marker_text(marker)
  return struct.pack(MARKER, marker.state, marker.floor, marker.epoch, marker.at) .. marker.generation
end

-- The marker of a timeline that belongs to the shard's generation.
local function valid_marker(shard, key)
  local marker = marker_of(redis.call('LINDEX', key, 0))
  if marker and marker.generation == shard.generation then return marker end
  return nil
end

-- Lists: marker, then entries with rising ids

local function oldest_of(length)
  return math.max(1, length - ENTRIES_MAX)
end

-- The first place in [low, high) whose entry has an id that is not below `id`.
local function first_not_below(key, low, high, id)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_above(id, redis.call('LINDEX', key, middle)) then low = middle + 1 else high = middle end
  end
  return low
end

-- Cuts down to the newest 800; the newest that goes becomes the floor.
local function trim(shard, key, length)
  local cut = length - ENTRIES_MAX
  if cut <= 1 then return length end
  local marker = marker_of(redis.call('LINDEX', key, 0))
  marker.floor = id_of(redis.call('LINDEX', key, cut - 1))
  redis.call('LTRIM', key, cut, -1)
  redis.call('LPUSH', key, marker_text(marker))
  shard.entries = shard.entries - (cut - 1)
  return ENTRIES_MAX + 1
end

local function drop(shard, key)
  local marker = valid_marker(shard, key)
  if marker then
    if marker.state == PRESENT then shard.timelines = shard.timelines - 1 end
    shard.entries = shard.entries - (redis.call('LLEN', key) - 1)
  end
  redis.call('UNLINK', key)
end

-- Inserts an entry of which the shard may have newer ones. Returns 1 if it is new here and stays.
local function place(shard, key, entry)
  local last = redis.call('LINDEX', key, -1)
  if not last then return 0 end
  local length, took = nil, 1
  if #last ~= ENTRY_BYTES then -- the marker: the timeline is empty
    if not is_above(entry, marker_of(last).floor) then return 0 end
    length = redis.call('RPUSH', key, entry)
  elseif is_above(entry, last) then
    length = redis.call('RPUSH', key, entry)
  else
    length = redis.call('LLEN', key)
    local oldest = oldest_of(length)
    local below = redis.call('LINDEX', key, oldest - 1)
    local floor = oldest == 1 and marker_of(below).floor or below
    if not is_above(entry, floor) then return 0 end
    local at = first_not_below(key, oldest, length, entry)
    local follower = redis.call('LINDEX', key, at)
    if id_of(follower) == id_of(entry) then return 0 end
    redis.call('LINSERT', key, 'BEFORE', follower, entry)
    -- Older than 800 others: it only tells from where on the timeline is complete.
    if length - at >= ENTRIES_MAX then took = 0 end
    length = length + 1
  end
  shard.entries = shard.entries + 1
  if length > LENGTH_MAX then trim(shard, key, length) end
  return took
end

-- Acts of `apply`: on keys[first] to keys[last]. Each returns how many timelines it changed.

local function insert(shard, keys, first, last, entry)
  local took = 0
  if not rises(shard, entry) then
    for at = first, last do took = took + place(shard, keys[at], entry) end
    return took
  end
  local call = redis.call
  for at = first, last do
    local length = call('RPUSHX', keys[at], entry)
    if length > 0 then
      took = took + 1
      if length > LENGTH_MAX then trim(shard, keys[at], length) end
    end
  end
  shard.entries = shard.entries + took
  return took
end

local function remove(shard, keys, first, last, id)
  local held = 0
  for at = first, last do
    local key = keys[at]
    local length = redis.call('LLEN', key)
    local place_of = first_not_below(key, oldest_of(length), length, id)
    local found = place_of < length and redis.call('LINDEX', key, place_of)
    if found and id_of(found) == id then
      trim(shard, key, length)
      redis.call('LREM', key, -1, found)
      shard.entries = shard.entries - 1
      held = held + 1
    end
  end
  return held
end

-- `author`: the author's eight bytes as an entry has them, without and with its flag.
local function remove_author(shard, keys, first, last, author)
  local plain, flagged = string.sub(author, 1, 8), string.sub(author, 9, 16)
  local changed = 0
  for at = first, last do
    local key = keys[at]
    local marker = valid_marker(shard, key)
    if marker and marker.state == BUILDING then
      drop(shard, key)
      changed = changed + 1
    elseif marker then
      trim(shard, key, redis.call('LLEN', key))
      for _, entry in ipairs(redis.call('LRANGE', key, 1, -1)) do
        local by = string.sub(entry, 17, 24)
        if by == plain or by == flagged then
          redis.call('LREM', key, -1, entry)
          shard.entries = shard.entries - 1
        end
      end
      changed = changed + 1
    end
  end
  return changed
end

local function drop_all(shard, keys, first, last)
  for at = first, last do drop(shard, keys[at]) end
  return last - first + 1
end

-- By their first letters: what to do, and with how many bytes.
local ACTS = {
  i = { act = insert, bytes = ENTRY_BYTES },
  r = { act = remove, bytes = 8 },
  a = { act = remove_author, bytes = 16 },
  d = { act = drop_all, bytes = 0 },
}

-- keys: record, then the timelines of each act in turn. args: as `enter`, then the acts in one string, each with its
-- letter, the number of its timelines (2 bytes), and what it is about. Returns what each act returned.
local function apply(keys, args)
  local shard = enter(keys[1], args)
  local acts = args[5]
  local changed = {}
  local first, at = 2, 1
  while at <= #acts do
    local letter, timelines = struct.unpack('>c1I2', acts, at)
    local bytes = ACTS[letter].bytes
    local last = first + timelines - 1
    changed[#changed + 1] = ACTS[letter].act(shard, keys, first, last, string.sub(acts, at + 3, at + 2 + bytes))
    first = last + 1
    at = at + 3 + bytes
  end
  return leave(shard, unpack(changed))
end

-- Builds

-- Writes the newest 800 of what the list holds and of `given` (24 bytes each, rising and unique ids) above the floors.
local function merge_into(shard, key, marker, given, floor)
  local held = redis.call('LRANGE', key, 1, -1)
  if #held > ENTRIES_MAX then marker.floor = id_of(held[#held - ENTRIES_MAX]) end
  if is_above(floor, marker.floor) then marker.floor = floor end
  local newest_first = {}
  local i, j = #held, #given / ENTRY_BYTES
  while i > 0 or j > 0 do
    local mine = held[i]
    local theirs = j > 0 and string.sub(given, (j - 1) * ENTRY_BYTES + 1, j * ENTRY_BYTES)
    local taken
    if mine and not (theirs and is_above(theirs, mine)) then
      if theirs and id_of(theirs) == id_of(mine) then j = j - 1 end
      taken = mine
      i = i - 1
    else
      taken = theirs
      j = j - 1
    end
    if not is_above(taken, marker.floor) then break end
    if #newest_first == ENTRIES_MAX then
      marker.floor = id_of(taken)
      break
    end
    newest_first[#newest_first + 1] = taken
  end
  local count = #newest_first
  local elements = { key, marker_text(marker) }
  for at = count, 1, -1 do elements[#elements + 1] = newest_first[at] end
  redis.call('DEL', key)
  redis.call('RPUSH', unpack(elements))
  shard.entries = shard.entries + count - #held
  rises(shard, marker.floor)
  if count > 0 then rises(shard, newest_first[1]) end
end

-- args: as `enter`, then now (ms), the lease of a build (ms), the epoch of this one. Returns 1 when begun.
local function begin_build(keys, args)
  local shard = enter(keys[1], args)
  local now, lease, epoch = tonumber(args[5]), tonumber(args[6]), tonumber(args[7])
  local key = keys[2]
  local marker = valid_marker(shard, key)
  if marker then
    if marker.state == PRESENT or now < marker.at + lease then return leave(shard, 0) end
    marker.at = now
    marker.epoch = epoch
    redis.call('LSET', key, 0, marker_text(marker))
  else
    redis.call('UNLINK', key)
    redis.call('RPUSH', key, marker_text({
      state = BUILDING, floor = NO_ID, epoch = epoch, at = now, generation = shard.generation,
    }))
  end
  return leave(shard, 1)
end

local function building(shard, key, epoch)
  local marker = valid_marker(shard, key)
  if marker and marker.state == BUILDING and marker.epoch == tonumber(epoch) then return marker end
  return nil
end

-- args: as `enter`, then epoch, floor, entries. Returns 1 when the timeline is present by this.
local function finish_build(keys, args)
  local shard = enter(keys[1], args)
  local marker = building(shard, keys[2], args[5])
  if not marker then return leave(shard, 0) end
  marker.state = PRESENT
  merge_into(shard, keys[2], marker, args[7], args[6])
  shard.timelines = shard.timelines + 1
  return leave(shard, 1)
end

-- args: as `enter`, then epoch.
local function abandon_build(keys, args)
  local shard = enter(keys[1], args)
  if building(shard, keys[2], args[5]) then drop(shard, keys[2]) end
  return leave(shard)
end

-- args: as `enter`, then floor, entries.
local function merge(keys, args)
  local shard = enter(keys[1], args)
  local marker = valid_marker(shard, keys[2])
  if marker then merge_into(shard, keys[2], marker, args[6], args[5]) end
  return leave(shard)
end

-- Reading

-- args: below which id, from which id on ('' for no bound), '1' for the oldest of them instead of the newest, how many.
-- Returns nothing for a missing timeline, else one string: floor, last read (ms), '1' when nothing older is there, entries.
local function read(keys, args)
  local marker = marker_of(redis.call('LINDEX', keys[2], 0))
  if not marker or marker.state ~= PRESENT then return false end
  if redis.call('HGET', keys[1], 'generation') ~= marker.generation then return false end
  local key = keys[2]
  local length = redis.call('LLEN', key)
  local oldest = oldest_of(length)
  local floor = oldest > 1 and id_of(redis.call('LINDEX', key, oldest - 1)) or marker.floor
  local stop = args[1] == '' and length or first_not_below(key, oldest, length, args[1])
  local start = args[2] == '' and oldest or first_not_below(key, oldest, stop, args[2])
  local limit = tonumber(args[4])
  if args[3] == '1' then stop = math.min(stop, start + limit) else start = math.max(start, stop - limit) end
  local entries = start < stop and redis.call('LRANGE', key, start, stop - 1) or {}
  return floor .. struct.pack('>d', marker.at) .. (start <= oldest and '1' or '0') .. table.concat(entries)
end

-- Notes that a present timeline was read. args: now (ms).
local function touch(keys, args)
  local marker = marker_of(redis.call('LINDEX', keys[1], 0))
  if not marker or marker.state ~= PRESENT then return 0 end
  marker.at = tonumber(args[1])
  redis.call('LSET', keys[1], 0, marker_text(marker))
  return 1
end

-- Housekeeping

-- Drops timelines last read before args[5] (ms), and what is left of older generations.
-- Returns how many it dropped, and the timelines and entries that stay.
local function sweep(keys, args)
  local shard = enter(keys[1], args)
  local before = tonumber(args[5])
  local dropped, timelines, entries = 0, 0, 0
  for at = 2, #keys do
    local marker = valid_marker(shard, keys[at])
    if not marker or marker.at < before then
      drop(shard, keys[at])
      dropped = dropped + 1
    else
      if marker.state == PRESENT then timelines = timelines + 1 end
      entries = entries + redis.call('LLEN', keys[at]) - 1
    end
  end
  return leave(shard, dropped, timelines, entries)
end

-- Corrects what the record says after evictions. args: as `enter`, then timelines, entries.
local function recount(keys, args)
  local shard = enter(keys[1], args)
  shard.timelines, shard.entries = tonumber(args[5]), tonumber(args[6])
  return leave(shard)
end

-- Compares what is here with what the writer saw acknowledged, and writes only if something changed. A writer that is new
-- here has nothing to compare: for it, a server other than the last one known may have lost something.
-- args: as `enter`, then the server's run, '1' when the shard has to begin anew in any case.
local function visit(keys, args)
  local record, writer, known, run = keys[1], args[1], tonumber(args[2]), args[5]
  local read = redis.call('HMGET', record, 'generation', 'server', writer, 'timelines', 'entries')
  local generation = tonumber(read[1] or 0)
  local is_same = read[2] == run
  if is_same and args[6] ~= '1' and (known == 0 or (known == generation and tonumber(read[3] or 0) >= tonumber(args[3]))) then
    return { generation, tonumber(read[4] or 0), tonumber(read[5] or 0) }
  end
  local is_new = not read[3] and known == 0
  local is_distrusted = is_new and ((read[2] and not is_same) or redis.call('HLEN', record) > WRITERS_MAX)
  if is_distrusted or args[6] == '1' then begin_anew(record, math.max(generation, known)) end
  local shard = enter(record, args)
  redis.call('HSET', record, 'server', run)
  return leave(shard)
end

local function register(name, callback, flags)
  redis.register_function({ function_name = 'LIBRARY_' .. name, callback = callback, flags = flags or {} })
end

register('apply', apply)
-- The same for acts that only free memory: works in a server that is full.
register('release', apply, { 'allow-oom' })
register('begin_build', begin_build)
register('finish_build', finish_build)
register('abandon_build', abandon_build, { 'allow-oom' })
register('merge', merge)
register('read', read, { 'no-writes' })
register('touch', touch)
register('sweep', sweep, { 'allow-oom' })
register('recount', recount, { 'allow-oom' })
register('visit', visit, { 'allow-oom' })
