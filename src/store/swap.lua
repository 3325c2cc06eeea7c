-- Replace a value, if it is still the one that was read; its lifetime stays.
-- KEYS[1]  key                ARGV[1]  what was read       ARGV[2]  what to store
-- Returns 1; otherwise what stands there now, nil when nothing does
local found = redis.call('GET', KEYS[1])
if found ~= ARGV[1] then
    return found
end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
