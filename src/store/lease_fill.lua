-- Fill an entry, if its lease is still ours and nothing it depends on was forgotten.
-- KEYS[1]  entry              KEYS[2..]  records of its tags, and one of all that was forgotten where there is a moment
-- ARGV[1]  token (16 bytes)   ARGV[2]  envelope                         ARGV[3]  lifetime (ms)
-- ARGV[4]  shortest lifetime of a record (ms)                           ARGV[5]  moment since when nothing may have been
-- forgotten (ms), or ''       ARGV[6]  a new version, for the last record if that is missing      ARGV[7..]  versions of the tags
-- Returns 1; 0 when the lease is gone; -1 when something was forgotten, and the lease was given back
local head = redis.pcall('GETRANGE', KEYS[1], 0, 66)
if type(head) == 'table' then
    -- A key of another type.
    return 0
end
if string.sub(head, 7, 22) == string.sub(ARGV[2], 7, 22) then
    -- The reply got lost, and this is the second try.
    return 1
end
if string.sub(head, 39, 54) ~= ARGV[1] then
    return 0
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since, refused = tonumber(ARGV[5]), false
local records = {}
if #KEYS > 1 then
    records = redis.call('MGET', unpack(KEYS, 2))
end
for i, record in ipairs(records) do
    local version = ARGV[i + 6]
    if not record then
        refused = true
        if not version then
            -- Nobody knows what was forgotten until now; from now on it is known.
            redis.call('SET', KEYS[i + 1], ARGV[6] .. ':' .. string.format('%.0f', now), 'PX', ARGV[4])
        end
    elseif version and version ~= string.sub(record, 1, 32) then
        refused = true
    elseif since and (tonumber(string.sub(record, 34)) or now) >= since then
        refused = true
    end
end
if refused then
    if string.sub(head, 5, 5) == '\0' then
        redis.call('DEL', KEYS[1])
    else
        redis.call('SETRANGE', KEYS[1], 38, string.rep('\0', 16) .. string.rep('0', 13))
    end
    return -1
end

redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
for i = 2, #KEYS do
    local left = redis.call('PTTL', KEYS[i])
    if left >= 0 and left < tonumber(ARGV[4]) then
        redis.call('PEXPIRE', KEYS[i], ARGV[4])
    end
end
return 1
