-- Let a lock live longer, if it is still ours.
-- KEYS[1]  lock               ARGV[1]  our token    ARGV[2]  new time to live (ms)
-- Returns 1, or 0 when the lock expired or belongs to somebody else
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
