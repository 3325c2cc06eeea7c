-- Take the lease of an entry: the right to compute it and to fill it.
-- KEYS[1]  entry              KEYS[2..]  records of its tags
-- ARGV[1]  token (16 bytes)   ARGV[2]  how long the lease runs (ms)     ARGV[3]  shortest lifetime of a record (ms)
-- ARGV[4]  id of the fill that the caller has seen, or ''               ARGV[5]  1: that may be served meanwhile; 0: it is damaged
-- ARGV[6]  a placeholder's bytes in front of the mark                   ARGV[7..]  a new version for each record that is missing
-- Returns {1, now (ms), records...} with the lease; {0, ms} while another runs; {2, lifetime left (ms), entry, records...}
-- when there is an entry that the caller has not seen
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local records, versions = {}, {}
if #KEYS > 1 then
    records = redis.call('MGET', unpack(KEYS, 2))
end
for i, record in ipairs(records) do
    if not record or not string.find(string.sub(record, 33), '^:%d+$') then
        records[i] = ARGV[i + 6] .. ':' .. string.format('%.0f', now)
        redis.call('SET', KEYS[i + 1], records[i], 'PX', ARGV[3])
    else
        local left = redis.call('PTTL', KEYS[i + 1])
        if left >= 0 and left < tonumber(ARGV[3]) then
            redis.call('PEXPIRE', KEYS[i + 1], ARGV[3])
        end
    end
    versions[i] = string.sub(records[i], 1, 32)
end
local mark = string.sub(redis.sha1hex(table.concat(versions)), 1, 16)

-- The head of an envelope: src/codec/envelope.rs.
local head = redis.pcall('GETRANGE', KEYS[1], 0, 66)
if type(head) == 'table' then
    -- A key of another type.
    head = ''
end
local left = redis.call('PTTL', KEYS[1])
local leased = {1, now, unpack(records)}
-- Whatever else stands there can be served to nobody: damaged, without an end, or filled before a tag was forgotten.
if string.sub(head, 1, 4) == '\193he\1' and #head == 67 and left > 0 and string.sub(head, 23, 38) == mark then
    local token = string.sub(head, 39, 54)
    if token == ARGV[1] then
        -- The reply got lost, and this is the second try.
        return leased
    end
    if string.sub(head, 5, 5) == '\0' then
        return {0, left}
    end
    if string.sub(head, 7, 22) ~= ARGV[4] then
        return {2, left, redis.call('GET', KEYS[1]), unpack(records)}
    end
    if ARGV[5] == '1' then
        local ends = tonumber(string.sub(head, 55, 67)) or 0
        if token ~= string.rep('\0', 16) and ends > now then
            return {0, math.min(ends - now, left)}
        end
        redis.call('SETRANGE', KEYS[1], 38, ARGV[1] .. string.format('%013.0f', now + ARGV[2]))
        return leased
    end
end
redis.call('SET', KEYS[1], ARGV[6] .. mark .. ARGV[1] .. string.rep('0', 13), 'PX', ARGV[2])
return leased
