-- Add to a counter that exists; Redis alone would create a missing one.
-- KEYS[1]  counter            ARGV[1]  signed 64-bit integer
-- Returns the new value as text, for a number of Lua has 53 bits only; nil when the key does not exist
if redis.call('EXISTS', KEYS[1]) == 0 then
    return false
end
redis.call('INCRBY', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
