-- Put a value where our placeholder is, if that is still there.
-- KEYS[1]  value              ARGV[1]  placeholder with our token       ARGV[2]  value       ARGV[3]  lifetime (ms)
-- Returns 1, or 0 when the lease is gone
local held = redis.pcall('GET', KEYS[1])
if held == ARGV[2] then
    -- The reply got lost, and this is the second try; or another program has stored the same.
    return 1
end
if held ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
