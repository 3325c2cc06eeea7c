-- Give a lock back, if it is still ours.
-- KEYS[1]  lock               ARGV[1]  our token
-- Returns 1, or 0 when the lock expired or belongs to somebody else
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
