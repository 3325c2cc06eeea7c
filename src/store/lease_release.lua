-- Give the lease of an entry back, if it is still ours; what is stale stays.
-- KEYS[1]  entry              ARGV[1]  token (16 bytes)
-- Returns 1, or 0 when the lease is gone
local head = redis.pcall('GETRANGE', KEYS[1], 0, 66)
if type(head) == 'table' then
    -- A key of another type.
    return 0
end
if string.sub(head, 39, 54) ~= ARGV[1] then
    return 0
end
if string.sub(head, 5, 5) == '\0' then
    redis.call('DEL', KEYS[1])
else
    redis.call('SETRANGE', KEYS[1], 38, string.rep('\0', 16) .. string.rep('0', 13))
end
return 1
