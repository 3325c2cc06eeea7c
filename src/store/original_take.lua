-- Take the lease of a value in the form of another program: the right to compute it and to fill it.
-- KEYS[1]  value              ARGV[1]  placeholder with our token       ARGV[2]  how long the lease runs (ms)
-- ARGV[3]  how every placeholder begins                                 ARGV[4]  SHA-1 of a value that cannot be served, or ''
-- Returns {1} with the lease; {0, ms} while another runs; {2, lifetime left (ms), value} when there is a value
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' then
    if held == ARGV[1] then
        -- The reply got lost, and this is the second try.
        return {1}
    end
    local left = redis.call('PTTL', KEYS[1])
    if string.sub(held, 1, #ARGV[3]) == ARGV[3] then
        if left > 0 then
            return {0, left}
        end
    elseif redis.sha1hex(held) ~= ARGV[4] then
        return {2, left, held}
    end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1}
