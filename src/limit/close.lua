
local judges = {fixed_window, sliding_window, sliding_log, gcra, once}
local judged, allowed, reply = {}, true, {now}
for i = 1, #KEYS do
    local algorithm, limit, window, extra = struct.unpack('>Bddd', ARGV[2 * i + 1])
    local judgement = {judges[algorithm](KEYS[i], limit, window, extra, ARGV[2 * i + 2])}
    judged[i] = judgement
    allowed = allowed and judgement[1]
end
for i = 1, #KEYS do
    local judgement = judged[i]
    local fits, state, mended = judgement[1], judgement[7], judgement[8]
    local counted = counts and state and (allowed or judgement[9])
    if counted and type(state) == 'function' then
        state()
    elseif counted or counts and mended then
        redis.call('SET', KEYS[i], counted and state or mended, 'PX', ARGV[2 * i + 2])
    end
    local at = 4 * i - 2
    reply[at] = fits and 1 or 0
    reply[at + 1] = counted and judgement[4] or judgement[2]
    reply[at + 2] = counted and judgement[5] or judgement[3]
    reply[at + 3] = judgement[6]
end
return struct.pack('>' .. string.rep('d', #reply), unpack(reply))
