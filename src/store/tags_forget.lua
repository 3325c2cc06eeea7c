-- Forget whatever depends on tags: their records get new versions.
-- KEYS     records            ARGV     a new version for each
-- Returns how many records there were; what depends on a missing one is a miss already
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local found = 0
for i, key in ipairs(KEYS) do
    if redis.call('SET', key, ARGV[i] .. ':' .. now, 'XX', 'KEEPTTL') then
        found = found + 1
    end
end
return found
