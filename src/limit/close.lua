
local judged, allowed, reply = {}, true, {now}
for i, key in ipairs(KEYS) do
    local at = 5 * i - 2
    local limit, window, burst = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local judgement = {algorithms[ARGV[at]](key, limit, window, cost, burst, ARGV[at + 4] == '1')}
    judged[i] = judgement
    allowed = allowed and judgement[1]
end
for i, judgement in ipairs(judged) do
    local state = judgement[7]
    local counted = counts and state and (allowed or ARGV[5 * i + 2] == '1')
    if counted then
        if type(state) == 'function' then
            state()
        else
            redis.call('SET', KEYS[i], state, 'PX', judgement[9])
        end
    elseif counts and judgement[8] then
        redis.call('SET', KEYS[i], judgement[8], 'PX', judgement[9])
    end
    local at = 4 * i - 2
    reply[at] = judgement[1] and 1 or 0
    reply[at + 1] = counted and judgement[4] or judgement[2]
    reply[at + 2] = counted and judgement[5] or judgement[3]
    reply[at + 3] = judgement[6]
end
return reply
